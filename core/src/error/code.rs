//! The table of error codes. Numbers are part of the C ABI: they are never changed or reused, and
//! new rows are appended with a new number.

use std::fmt;

macro_rules! codes {
    ($($variant:ident = $number:literal, $word:literal, $retryable:literal, $meaning:literal;)*) => {
        /// A stable error code. The word is the same in every language; the number is the C status.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(i32)]
        #[non_exhaustive]
        pub enum Code {
            $(#[doc = $meaning] $variant = $number,)*
        }

        impl Code {
            /// Every code, in the order of its number.
            pub const ALL: &'static [Code] = &[$(Code::$variant,)*];

            /// The stable word, for instance `spec_invalid`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Code::$variant => $word,)* }
            }
            /// What the code means, in a sentence.
            pub const fn meaning(self) -> &'static str {
                match self { $(Code::$variant => $meaning,)* }
            }
            /// Whether the same call may succeed later without a change by the caller.
            pub const fn retryable(self) -> bool {
                match self { $(Code::$variant => $retryable,)* }
            }
        }
    };
}

codes! {
    InvalidArgument = 1, "invalid_argument", false, "An argument has the wrong type, shape or value.";
    InvalidHandle = 2, "invalid_handle", false, "The handle was freed, was never given out, or is of another kind.";
    InvalidUtf8 = 3, "invalid_utf8", false, "The text is not valid UTF-8.";
    Closed = 4, "closed", false, "The kernel was closed; open a new one.";
    Forked = 5, "forked", false, "The handle was made before a fork; open a new kernel in this process.";
    Timeout = 6, "timeout", true, "The time allowed for the call ran out.";
    Cancelled = 7, "cancelled", false, "The run was cancelled by its caller.";
    Panic = 8, "panic", false, "A defect inside aikit was caught; please report it.";
    FileNotFound = 10, "file_not_found", false, "There is no such file or folder.";
    FileUnreadable = 11, "file_unreadable", false, "The file cannot be read: a folder, a binary file, or no permission.";
    SpecInvalid = 20, "spec_invalid", false, "The spec breaks a rule; the diagnostics say where.";
    SpecTooLarge = 21, "spec_too_large", false, "The spec is larger, deeper or has more aliases than a spec may.";
    SpecNotFound = 22, "spec_not_found", false, "The repository has no such agent or version.";
    SpecConflict = 23, "spec_conflict", false, "Somebody else saved this version first, or changed it since it was read.";
    SpecImmutable = 24, "spec_immutable", false, "The version was promoted once and can never change; save under a new number.";
    SpecState = 25, "spec_state", false, "The version's state does not allow this step of its life.";
    SpecRetired = 26, "spec_retired", false, "The version is retired and makes no agents any more.";
    TenantInvalid = 30, "tenant_invalid", false, "The tenant id is not a slug.";
    TenantMismatch = 31, "tenant_mismatch", false, "The spec belongs to another tenant than the kernel's.";
    TenantNotFound = 32, "tenant_not_found", false, "The store has no such tenant.";
    TenantExists = 33, "tenant_exists", false, "The store has a tenant of this id already.";
    TenantSuspended = 34, "tenant_suspended", false, "The tenant is suspended; an administrator can resume it.";
    TenantReadOnly = 35, "tenant_read_only", false, "The kernel only reads this tenant.";
    QuotaExceeded = 36, "quota_exceeded", false, "The tenant has used up what it may have.";
    AccessDenied = 37, "access_denied", false, "The tenant did not grant this access.";
    BudgetExceeded = 38, "budget_exceeded", false, "A budget of tokens or money does not allow the call of the model.";
    StoreUnavailable = 40, "store_unavailable", false, "The store cannot be opened.";
    StoreLocked = 41, "store_locked", true, "Another process holds the database's lock.";
    StoreFull = 42, "store_full", false, "There is no space left for the database.";
    StoreCorrupt = 43, "store_corrupt", false, "The file is not an aikit database, or it is damaged.";
    StoreFailed = 44, "store_failed", false, "The database refused an operation.";
    StoreLost = 45, "store_lost", true, "The connection to the database was lost; look whether a change was made before it is repeated.";
    StoreOutdated = 46, "store_outdated", false, "The database's tables are of another version of aikit.";
    StoreRole = 47, "store_role", false, "The database role has the wrong rights: too many to be isolated, or too few.";
    StoreConflict = 48, "store_conflict", true, "Another change of the same data came first; nothing was changed.";
    ModelUnknown = 50, "model_unknown", false, "No such model or provider.";
    ModelUnauthorized = 51, "model_unauthorized", false, "The provider refused the key, or none was given.";
    ModelRateLimited = 52, "model_rate_limited", true, "The provider's rate limit was reached.";
    ModelUnavailable = 53, "model_unavailable", true, "The provider cannot be reached or reports a failure of its own.";
    ModelRefused = 54, "model_refused", false, "The provider refused the request as wrong.";
    ModelInvalidResponse = 55, "model_invalid_response", false, "The model's answer cannot be understood.";
    ModelStreamBroken = 56, "model_stream_broken", true, "The stream ended before the model had finished.";
    ModelScriptExhausted = 57, "model_script_exhausted", false, "The scripted model has no turn left for this call.";
    ModelContextExceeded = 58, "model_context_exceeded", false, "The conversation is longer than the model takes.";
    OutputInvalid = 59, "output_invalid", false, "The model's answer does not fit the output schema, also after repairs.";
    ToolUnknown = 60, "tool_unknown", false, "No tool of that name is registered.";
    ToolDenied = 61, "tool_denied", false, "The tool exists, and a rule forbids it here.";
    ToolInvalidArguments = 62, "tool_invalid_arguments", false, "The arguments do not fit the tool's schema.";
    ToolFailed = 63, "tool_failed", false, "The tool reported an error or threw an exception.";
    ToolTimeout = 64, "tool_timeout", true, "The tool did not answer within its time.";
    ToolExists = 65, "tool_exists", false, "A tool of that name is registered already.";
    TurnLimit = 70, "turn_limit", false, "The run used all the turns that it was allowed.";
    RunEnded = 71, "run_ended", false, "The run has ended and its result was already taken.";
    CollectionInvalid = 80, "collection_invalid", false, "The collection name is not a slug.";
    DocumentInvalid = 81, "document_invalid", false, "The document cannot be taken in.";
    ArchiveInvalid = 92, "archive_invalid", false, "The archive of a tenant is damaged, or not one.";
    AuditBroken = 93, "audit_broken", false, "The audit log was changed or cut off.";
    ConfigInvalid = 94, "config_invalid", false, "The configuration breaks a rule; the message says where.";
    CassetteDiffers = 95, "cassette_differs", false, "The request is not the one that was recorded; the message shows the difference.";
    ModelFileInvalid = 96, "model_file_invalid", false, "The model's file is damaged, or of a kind that is not supported.";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl serde::Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::Code;
    use std::collections::HashSet;

    #[test]
    fn numbers_and_words_are_unique_and_numbers_are_never_zero() {
        let numbers: HashSet<i32> = Code::ALL.iter().map(|c| *c as i32).collect();
        let words: HashSet<&str> = Code::ALL.iter().map(|c| c.as_str()).collect();
        assert_eq!(numbers.len(), Code::ALL.len());
        assert_eq!(words.len(), Code::ALL.len());
        assert!(!numbers.contains(&0), "0 is success in the C ABI");
    }
}
