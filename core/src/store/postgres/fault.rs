//! PostgreSQL's errors in our words. Nothing here ever holds a connection URL or a password: sqlx
//! puts neither into its errors, and what it says about a URL that it cannot read is left out.

use std::io;

use crate::error::{Code, Error};

/// The typed error for a failure of an open connection, with what the user can do.
pub(in crate::store) fn store_error(error: sqlx::Error) -> Error {
    let (code, message, hint) = match &error {
        sqlx::Error::Database(reported) => of_state(&reported.code().unwrap_or_default()),
        sqlx::Error::Io(failure) if never_connected(failure.kind()) => UNREACHABLE,
        sqlx::Error::Io(_) | sqlx::Error::WorkerCrashed => LOST,
        sqlx::Error::Protocol(_) => FOREIGN,
        sqlx::Error::Tls(_) => (
            Code::StoreUnavailable,
            "no encrypted connection to the database server could be made",
            "check the server's certificate and the `sslmode` of the URL",
        ),
        sqlx::Error::Configuration(_) => {
            // Its text can repeat parts of the URL.
            return Error::new(Code::StoreUnavailable, "the database URL cannot be understood")
                .hint(
                    "write postgres://LOGIN@HOST:PORT/DATABASE, with %XX for signs in a password",
                );
        }
        _ => REFUSED,
    };
    Error::new(code, message).hint(hint).caused_by(error)
}

/// The typed error for a connection that could not be made: nothing was sent yet that could be lost.
pub(in crate::store) fn connect_error(error: sqlx::Error) -> Error {
    let waits = matches!(&error, sqlx::Error::Database(reported)
        if matches!(reported.code().as_deref(), Some("57P03")));
    if waits || matches!(error, sqlx::Error::Io(_)) {
        let (code, message, hint) = UNREACHABLE;
        return Error::new(code, message).hint(hint).caused_by(error).retry(waits);
    }
    let error = store_error(error);
    if error.code() == Code::StoreLost { error.with_code(Code::StoreUnavailable) } else { error }
}

type Words = (Code, &'static str, &'static str);

const UNREACHABLE: Words = (
    Code::StoreUnavailable,
    "the database server cannot be reached",
    "check that it runs, and host and port of the URL",
);
const LOST: Words = (
    Code::StoreLost,
    "the connection to the database was lost",
    "look whether the change was made before it is repeated; the next call connects again",
);
const FOREIGN: Words = (
    Code::StoreLost,
    "the database server's answer cannot be understood; the connection was given up",
    "look whether the change was made before it is repeated; check that it is a PostgreSQL server",
);
const REFUSED: Words =
    (Code::StoreFailed, "the database refused the operation", "please report this");

fn never_connected(kind: io::ErrorKind) -> bool {
    use io::ErrorKind as K;
    matches!(
        kind,
        K::ConnectionRefused
            | K::NotFound
            | K::PermissionDenied
            | K::AddrNotAvailable
            | K::HostUnreachable
            | K::NetworkUnreachable
    )
}

/// What an SQLSTATE means here. `AK...` are our own, raised by the functions of the schema.
fn of_state(state: &str) -> Words {
    match state {
        "AK001" => (
            Code::TenantNotFound,
            "the store has no such tenant",
            "an administrator makes it: aikit tenant create TENANT --store URL",
        ),
        "AK002" => (
            Code::TenantSuspended,
            "the tenant is suspended",
            "an administrator can resume it: aikit tenant resume TENANT --store URL",
        ),
        "AK003" => (
            Code::AccessDenied,
            "the tenant did not grant this reading",
            "a tenant above may read when the tenant below granted it",
        ),
        "AK004" => (
            Code::StoreFailed,
            "the audit log is append-only",
            "entries leave it only with their whole tenant, by an administrator",
        ),
        "25006" => (
            Code::TenantReadOnly,
            "only reading is allowed here",
            "write as the tenant itself; if it was the tenant, the server is a read-only replica",
        ),
        "42501" => (
            Code::StoreRole,
            "the database role lacks a right",
            "give the login its role: aikit db grant LOGIN --store URL",
        ),
        // Tables, columns, functions or the whole schema are not there.
        "42P01" | "42703" | "42883" | "3F000" => (
            Code::StoreOutdated,
            "the database's tables are not those of this version of aikit",
            "bring them up to date: aikit db migrate --store URL",
        ),
        "40001" | "40P01" | "23505" => (
            Code::StoreConflict,
            "another change of the same data came first; nothing was changed",
            "read again and repeat the change",
        ),
        "55P03" => (
            Code::StoreLocked,
            "another session holds the lock",
            "try again, or end the session that holds it",
        ),
        "57014" => (
            Code::Timeout,
            "the database cancelled the statement, which took longer than it may",
            "try again; nothing was changed",
        ),
        "53100" => (
            Code::StoreFull,
            "the database server has no space left",
            "free space on it; what was written before is unharmed",
        ),
        "53300" => (
            Code::StoreUnavailable,
            "the database server has no connection left",
            "raise its max_connections, or open fewer kernels and smaller pools",
        ),
        "57P04" | "3D000" => (
            Code::StoreUnavailable,
            "the server has no such database",
            "check the name at the end of the URL, or make it: createdb NAME",
        ),
        "28P01" | "28000" => (
            Code::StoreUnavailable,
            "the database server refused the login",
            "check user and password of the URL and the server's pg_hba.conf",
        ),
        "XX001" | "XX002" => (
            Code::StoreCorrupt,
            "the database server reports damaged data",
            "restore a backup; the server's log says what is damaged",
        ),
        "22021" => (
            Code::InvalidArgument,
            "PostgreSQL cannot keep the character U+0000 in a text",
            "remove it from the text",
        ),
        // 25P03, 57P05: the server ended a session that idled too long.
        "57P01" | "57P02" | "57P03" | "57P05" | "25P03" => LOST,
        other if other.starts_with("08") => LOST,
        _ => REFUSED,
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::{connect_error, of_state, store_error};
    use crate::error::Code;

    #[test]
    fn states_become_codes_and_the_rest_is_a_failure() {
        for (state, code) in [
            ("AK001", Code::TenantNotFound),
            ("AK002", Code::TenantSuspended),
            ("AK003", Code::AccessDenied),
            ("25006", Code::TenantReadOnly),
            ("42501", Code::StoreRole),
            ("3F000", Code::StoreOutdated),
            ("23505", Code::StoreConflict),
            ("40001", Code::StoreConflict),
            ("55P03", Code::StoreLocked),
            ("57014", Code::Timeout),
            ("53100", Code::StoreFull),
            ("28P01", Code::StoreUnavailable),
            ("57P01", Code::StoreLost),
            ("08006", Code::StoreLost),
            ("23503", Code::StoreFailed),
            ("", Code::StoreFailed),
        ] {
            assert_eq!(of_state(state).0, code, "{state}");
        }
    }

    #[test]
    fn a_server_that_was_never_reached_lost_nothing() {
        let failure = |kind| sqlx::Error::Io(io::Error::from(kind));
        let refused = store_error(failure(io::ErrorKind::ConnectionRefused));
        assert_eq!(refused.code(), Code::StoreUnavailable);
        let broken = store_error(failure(io::ErrorKind::UnexpectedEof));
        assert_eq!(broken.code(), Code::StoreLost);
        let nonsense = || sqlx::Error::Protocol("unknown message".into());
        assert_eq!(store_error(nonsense()).code(), Code::StoreLost);
        assert_eq!(connect_error(nonsense()).code(), Code::StoreUnavailable);
        let at_once = connect_error(failure(io::ErrorKind::UnexpectedEof));
        assert_eq!(at_once.code(), Code::StoreUnavailable);
    }

    #[test]
    fn what_is_wrong_with_a_url_is_said_without_it() {
        let secret = "postgres://joe:s3cret@[bad";
        let error = store_error(sqlx::Error::Configuration(secret.into()));
        assert_eq!(error.code(), Code::StoreUnavailable);
        assert!(!error.to_json().to_string().contains("s3cret"));
    }
}
