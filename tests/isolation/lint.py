"""What the product's own lint must find: each fault is made on purpose, and nothing else is found."""

from __future__ import annotations

from dataclasses import dataclass

from stage import Stage

NOTES = ("CREATE TABLE aikit.notes (tenant_id text NOT NULL, id bigint NOT NULL, body text,"
         " {key});")  # fmt: skip
SEALED = """ALTER TABLE aikit.notes ENABLE ROW LEVEL SECURITY;
ALTER TABLE aikit.notes FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON aikit.notes TO aikit_app
    USING (tenant_id = nullif(current_setting('aikit.current_tenant_id', true), ''))
    WITH CHECK (tenant_id = nullif(current_setting('aikit.current_tenant_id', true), ''));
CREATE POLICY admin ON aikit.notes TO aikit_admin USING (true) WITH CHECK (true);"""
KEY = "PRIMARY KEY (tenant_id, id)"


@dataclass(frozen=True)
class Fault:
    name: str
    harm: str
    # Words of every fault that is then found, one for each.
    told: tuple[str, ...] = ()


def _notes(behind: str = "", key: str = KEY, sealed: str = SEALED) -> str:
    return NOTES.format(key=key) + sealed + behind


def _without(words: str) -> str:
    """The seal without one of its statements."""
    return "\n".join(part + ";" for part in SEALED.split(";") if part.strip() and words not in part)


FAULTS = [
    Fault("nothing wrong", ""),
    Fault("a further table that keeps to the rules", _notes()),
    Fault("table without policies", _notes(sealed=_without("POLICY")),
          ("notes has no policy tenant", "notes has no policy admin")),
    Fault("table without FORCE", _notes(sealed=_without("FORCE")), ("notes: row-level security is not forced",)),
    Fault("table without ENABLE", _notes(sealed=_without("ENABLE")),
          ("notes: row-level security is not enabled",)),
    Fault("policy without WITH CHECK",
          _notes("DROP POLICY tenant ON aikit.notes; CREATE POLICY tenant ON aikit.notes TO aikit_app USING"
                 " (tenant_id = nullif(current_setting('aikit.current_tenant_id', true), ''));"),
          ("notes: policy tenant is not the one",)),
    Fault("policy for one command", _notes("DROP POLICY admin ON aikit.notes;"
          " CREATE POLICY admin ON aikit.notes FOR SELECT TO aikit_admin USING (true);"),
          ("notes: policy admin is not the one",)),
    Fault("primary key without tenant", _notes(key="PRIMARY KEY (id)"), ("index notes_pkey does not begin",)),
    Fault("key in which the tenant is not first", _notes(key="PRIMARY KEY (id, tenant_id)"),
          ("index notes_pkey does not begin",)),
    Fault("unique key without tenant", _notes(key=f"{KEY}, UNIQUE (body)"), ("index notes_body_key does not",)),
    Fault("index without tenant", _notes("CREATE INDEX theirs ON aikit.notes (body);"),
          ("index theirs does not begin",)),
    Fault("foreign key without tenant",
          _notes("ALTER TABLE aikit.notes ADD UNIQUE (tenant_id, body); ALTER TABLE aikit.chunks ADD UNIQUE (id);"
                 " ALTER TABLE aikit.notes ADD CONSTRAINT theirs FOREIGN KEY (id) REFERENCES aikit.chunks (id);"),
          ("chunks: index chunks_id_key does not begin", "foreign key theirs does not lead")),
    Fault("column tenant_id that may be NULL",
          "CREATE TABLE aikit.notes (tenant_id text, id bigint NOT NULL, UNIQUE (tenant_id, id));" + SEALED,
          ("notes has no column tenant_id that is text and NOT NULL", "notes has no primary key")),
    Fault("TRUNCATE granted", "GRANT TRUNCATE ON aikit.runs TO aikit_app", ("has the right TRUNCATE on runs",)),
    Fault("REFERENCES granted", "GRANT REFERENCES ON aikit.runs TO aikit_app",
          ("has the right REFERENCES on runs",)),
    Fault("TRIGGER granted", "GRANT TRIGGER ON aikit.runs TO aikit_app", ("has the right TRIGGER on runs",)),
    Fault("SECURITY DEFINER without search_path",
          "CREATE FUNCTION aikit.peek() RETURNS bigint LANGUAGE sql SECURITY DEFINER"
          " AS 'SELECT count(*) FROM aikit.runs'; REVOKE ALL ON FUNCTION aikit.peek FROM PUBLIC",
          ("peek runs with the rights of its owner",)),
    Fault("function that everybody may call", "GRANT EXECUTE ON FUNCTION aikit.enter TO PUBLIC",
          ("enter may be called by everybody",)),
    Fault("view with the rights of its owner",
          "CREATE VIEW aikit.all_runs AS SELECT * FROM aikit.runs", ("view all_runs shows what its owner",)),
    Fault("materialized view", "CREATE MATERIALIZED VIEW aikit.all_runs AS SELECT * FROM aikit.runs",
          ("materialized view all_runs keeps rows",)),
    Fault("partition that is not forced", "ALTER TABLE aikit.runs_7 NO FORCE ROW LEVEL SECURITY",
          ("runs_7: row-level security is not forced",)),
    Fault("right on a partition", "GRANT SELECT ON aikit.runs_7 TO aikit_app",
          ("has the right SELECT on partition runs_7",)),
    Fault("schema in which everybody may make objects", "GRANT CREATE ON SCHEMA public TO PUBLIC",
          ("everybody may make objects in the schema public",)),
]  # fmt: skip


def run(stage: Stage) -> list[tuple[str, list[str]]]:
    """For each fault, what is wrong with what the lint says of it."""
    outcomes = []
    for fault in FAULTS:
        with stage.database() as database:
            with stage.root(database) as root:
                if fault.harm:
                    root.execute(f"SET ROLE aikit_owner; {fault.harm}" if "public" not in fault.harm
                                 else fault.harm)  # fmt: skip
            found = stage.faults(database)
        problems = [f"not found: {words}" for words in fault.told if not any(words in f for f in found)]
        if len(found) != len(fault.told):
            problems.append(f"found: {found}")
        outcomes.append((fault.name, problems))
    return outcomes
