//! Lists of versions by state, tag and words.
//!
//! Every condition is a sorted list of versions in an index. A page is their intersection: each
//! list is moved to its first entry that is not before the others' until all stand on one version.
//! So the work follows the shortest list, no matter how the conditions are combined.

use std::collections::BTreeSet;

use super::rows::{SHORT, short};
use super::{NewSpec, SpecRecord, SpecStatus, VersionId};
use crate::error::Result;
use crate::store::TenantStore;
use crate::store::tx::{Dialect, Tx, Value, values};
use crate::store::words::words;

/// The most words that a version is found by.
const WORD_LIMIT: usize = 1_000;
/// Ends the text of a position.
const CHECK_LENGTH: usize = 4;

/// Which versions a list has.
#[derive(Clone, Debug, Default)]
pub struct SpecFilter {
    /// In this state.
    pub status: Option<SpecStatus>,
    /// With this tag.
    pub tag: Option<String>,
    /// With all words of this text in their id, name, description or tags.
    pub text: Option<String>,
    /// Of this agent.
    pub agent_id: Option<String>,
}

/// A place in the order of agents and versions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    agent_id: String,
    order: Vec<u8>,
}

impl Position {
    /// A text for callers to keep, and to give back.
    pub fn to_text(&self) -> String {
        let mut bytes = self.agent_id.clone().into_bytes();
        bytes.push(0);
        bytes.extend_from_slice(&self.order);
        let check = blake3::hash(&bytes);
        bytes.extend_from_slice(&check.as_bytes()[..CHECK_LENGTH]);
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// `None` for a text that [`Position::to_text`] did not make.
    pub fn from_text(text: &str) -> Option<Self> {
        if !text.len().is_multiple_of(2) || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let bytes: Vec<u8> = (0..text.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&text[at..at + 2], 16))
            .collect::<Result<_, _>>()
            .ok()?;
        let (content, check) = bytes.split_at_checked(bytes.len().checked_sub(CHECK_LENGTH)?)?;
        if blake3::hash(content).as_bytes()[..CHECK_LENGTH] != *check {
            return None;
        }
        let end = content.iter().position(|byte| *byte == 0)?;
        let agent_id = String::from_utf8(content[..end].to_vec()).ok()?;
        Some(Self { agent_id, order: content[end + 1..].to_vec() })
    }

    /// The first place behind this one: the order of bytes has nothing between the two.
    fn next(mut self) -> Self {
        self.order.push(0);
        self
    }
}

/// What a version is found by: kind and term.
pub(super) type Terms = BTreeSet<(&'static str, String)>;

pub(super) fn terms_of_new(new: &NewSpec) -> Terms {
    terms(new.id.agent_id(), &new.name, new.description.as_deref(), &new.tags)
}

/// The same terms as those of the spec that was kept.
pub(super) fn terms_of(record: &SpecRecord) -> Terms {
    terms(&record.agent_id, &record.name, record.description.as_deref(), &record.tags)
}

fn terms(agent_id: &str, name: &str, description: Option<&str>, tags: &[String]) -> Terms {
    let texts = [agent_id, name].into_iter().chain(tags.iter().map(String::as_str));
    let words = texts.chain(description).flat_map(words).take(WORD_LIMIT);
    let tags = tags.iter().map(|tag| ("tag", tag.clone()));
    tags.chain(words.map(|word| ("word", word))).collect()
}

pub(super) async fn add_terms(tx: &mut Tx<'_>, id: &VersionId, terms: &Terms) -> Result<()> {
    let rows: Vec<_> = terms
        .iter()
        .map(|(kind, term)| values![*kind, term, id.agent_id(), id.order()].to_vec())
        .collect();
    tx.insert("spec_terms", &["kind", "term", "agent_id", "ordering"], &rows, false).await?;
    Ok(())
}

pub(super) async fn remove_terms(tx: &mut Tx<'_>, id: &VersionId, terms: &Terms) -> Result<()> {
    for (kind, term) in terms {
        tx.execute(
            "DELETE FROM spec_terms WHERE tenant_id = ?1 AND kind = ?2 AND term = ?3
                 AND agent_id = ?4 AND ordering = ?5",
            values![*kind, term, id.agent_id(), id.order()],
        )
        .await?;
    }
    Ok(())
}

/// The first version of a condition's list that is not before a place.
pub(super) const SEEK_ANY: &str = "SELECT agent_id, ordering FROM spec_versions
    WHERE tenant_id = ?1 AND (agent_id, ordering) >= (?2, ?3)
    ORDER BY agent_id, ordering LIMIT 1";
pub(super) const SEEK_TERM: &str = "SELECT agent_id, ordering FROM spec_terms
    WHERE tenant_id = ?1 AND kind = ?4 AND term = ?5 AND (agent_id, ordering) >= (?2, ?3)
    ORDER BY agent_id, ordering LIMIT 1";

/// The state stands in the text: as a parameter it could mean the index of the active versions, and
/// SQLite would plan the query anew for every value.
pub(super) fn seek_status(status: SpecStatus) -> String {
    format!(
        "SELECT agent_id, ordering FROM spec_versions
         WHERE tenant_id = ?1 AND status = '{}' AND (agent_id, ordering) >= (?2, ?3)
         ORDER BY agent_id, ordering LIMIT 1",
        status.as_str()
    )
}

/// The versions that fulfil one condition, in order.
struct List {
    sql: String,
    condition: Vec<String>,
}

impl List {
    /// Its first version that is not before `place`.
    async fn seek(&self, tx: &mut Tx<'_>, place: &Position) -> Result<Option<Position>> {
        let mut values: Vec<Value<'_>> = vec![(&place.agent_id).into(), (&place.order).into()];
        values.extend(self.condition.iter().map(Value::from));
        let found = tx.row(&self.sql, &values).await?;
        found
            .map(|mut row| Ok(Position { agent_id: row.take(0)?, order: row.take(1)? }))
            .transpose()
    }
}

/// The tag and the words that a version must have.
fn terms_wanted(filter: &SpecFilter) -> Vec<(&'static str, String)> {
    let tags = filter.tag.iter().map(|tag| ("tag", tag.clone()));
    let words: BTreeSet<String> = filter.text.iter().flat_map(|text| words(text)).collect();
    tags.chain(words.into_iter().map(|word| ("word", word))).collect()
}

/// One list for every condition; at least one.
fn lists(filter: &SpecFilter) -> Vec<List> {
    let mut lists = Vec::new();
    if let Some(status) = filter.status {
        lists.push(List { sql: seek_status(status), condition: Vec::new() });
    }
    for (kind, term) in terms_wanted(filter) {
        lists.push(List { sql: SEEK_TERM.into(), condition: vec![kind.to_owned(), term] });
    }
    if lists.is_empty() {
        lists.push(List { sql: SEEK_ANY.into(), condition: Vec::new() });
    }
    lists
}

/// The first version, not before `place`, that is in all lists.
async fn next_of_all(
    tx: &mut Tx<'_>,
    lists: &[List],
    mut place: Position,
) -> Result<Option<Position>> {
    let (mut agreed, mut turn) = (0, 0);
    while agreed < lists.len() {
        let Some(found) = lists[turn].seek(tx, &place).await? else { return Ok(None) };
        agreed = if found == place { agreed + 1 } else { 1 };
        place = found;
        turn = (turn + 1) % lists.len();
    }
    Ok(Some(place))
}

/// A page, and the place of its last version if there are more.
async fn page(
    tx: &mut Tx<'_>,
    filter: &SpecFilter,
    limit: usize,
    after: Option<Position>,
) -> Result<(Vec<SpecRecord>, Option<Position>)> {
    // Something to search for that has no words is found nowhere.
    let wanted = filter.text.as_deref().map_or("", str::trim);
    if !wanted.is_empty() && words(wanted).next().is_none() {
        return Ok((Vec::new(), None));
    }
    let first = filter.agent_id.clone().unwrap_or_default();
    let mut place = Position { agent_id: first, order: Vec::new() };
    if let Some(after) = after {
        place = place.max(after.next());
    }
    if tx.dialect() == Dialect::Postgres {
        return page_at_once(tx, filter, limit, &place).await;
    }
    let lists = lists(filter);
    let fetch = format!(
        "SELECT {SHORT} FROM spec_versions
         WHERE tenant_id = ?1 AND agent_id = ?2 AND ordering = ?3"
    );
    let mut found = Vec::new();
    let mut last = None;
    while let Some(here) = next_of_all(tx, &lists, place).await? {
        if filter.agent_id.as_ref().is_some_and(|agent| *agent != here.agent_id) {
            break;
        }
        if found.len() == limit {
            return Ok((found, last));
        }
        found.push(short(&mut tx.one(&fetch, values![&here.agent_id, &here.order]).await?)?);
        last = Some(here.clone());
        place = here.next();
    }
    Ok((found, None))
}

/// [`page`] by one statement, for a database that is a round trip away: there the planner chooses
/// which list leads.
async fn page_at_once(
    tx: &mut Tx<'_>,
    filter: &SpecFilter,
    limit: usize,
    place: &Position,
) -> Result<(Vec<SpecRecord>, Option<Position>)> {
    let mut values: Vec<Value<'_>> = values![&place.agent_id, &place.order, limit + 1].to_vec();
    let mut sql = format!(
        "SELECT {SHORT}, ordering FROM spec_versions v
         WHERE tenant_id = ?1 AND (agent_id, ordering) >= (?2, ?3)"
    );
    if let Some(agent) = &filter.agent_id {
        values.push(agent.into());
        sql += &format!(" AND agent_id = ?{}", values.len() + 1);
    }
    if let Some(status) = filter.status {
        sql += &format!(" AND status = '{}'", status.as_str());
    }
    let terms = terms_wanted(filter);
    for (kind, term) in &terms {
        values.push(term.into());
        sql += &format!(
            " AND EXISTS (SELECT FROM spec_terms t WHERE t.tenant_id = ?1 AND t.kind = '{kind}'
                 AND t.term = ?{} AND t.agent_id = v.agent_id AND t.ordering = v.ordering)",
            values.len() + 1
        );
    }
    sql += " ORDER BY agent_id, ordering LIMIT ?4";
    let mut rows = tx.rows(&sql, &values).await?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let mut last = None;
    let mut found = Vec::with_capacity(rows.len());
    for mut row in rows {
        let record = short(&mut row)?;
        last = Some(Position { agent_id: record.agent_id.clone(), order: row.take(13)? });
        found.push(record);
    }
    Ok((found, last.filter(|_| more)))
}

impl TenantStore {
    /// At most `limit` versions in the order of agent and version, without document and text, and
    /// the place to go on from if there are more.
    pub async fn list_specs(
        &self,
        filter: SpecFilter,
        limit: usize,
        after: Option<Position>,
    ) -> Result<(Vec<SpecRecord>, Option<Position>)> {
        self.read(move |tx| Box::pin(async move { page(tx, &filter, limit, after).await })).await
    }
}

#[cfg(test)]
mod tests {
    use super::{Position, words};

    #[test]
    fn words_are_cut_at_what_is_no_letter() {
        let cut = |text: &str| -> Vec<String> { words(text).collect() };
        assert_eq!(cut("Handbook-assistant, v2: Größe"), ["handbook", "assistant", "v2", "größe"]);
        assert_eq!(cut("休假ok規則"), ["休", "假", "ok", "規", "則"]);
        assert_eq!(cut(" -- !"), [""; 0]);
        assert_eq!(cut(&"x".repeat(1_000)), ["x".repeat(64)]);
    }

    #[test]
    fn only_our_own_places_are_read_back() {
        let place = Position { agent_id: "a.b-c".into(), order: vec![1, 0, 255] };
        let text = place.to_text();
        assert_eq!(Position::from_text(&text), Some(place));
        let cut = &text[..text.len() - 2];
        for garbage in ["", "00", "zz", "0", "µµ", cut, "0000000000000000", &text.replace('6', "7")]
        {
            assert_eq!(Position::from_text(garbage), None, "{garbage}");
        }
    }
}
