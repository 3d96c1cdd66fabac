"""The exceptions, for type checkers and editors. A test compares this list with the core's table."""

from typing import Any

from ._records import Diagnostic

__all__ = [
    "Error",
    "InvalidArgument",
    "InvalidHandle",
    "InvalidUtf8",
    "Closed",
    "Forked",
    "Timeout",
    "Cancelled",
    "Panic",
    "FileNotFound",
    "FileUnreadable",
    "SpecInvalid",
    "SpecTooLarge",
    "SpecNotFound",
    "SpecConflict",
    "SpecImmutable",
    "SpecState",
    "SpecRetired",
    "TenantInvalid",
    "TenantMismatch",
    "TenantNotFound",
    "TenantExists",
    "TenantSuspended",
    "TenantReadOnly",
    "QuotaExceeded",
    "AccessDenied",
    "BudgetExceeded",
    "StoreUnavailable",
    "StoreLocked",
    "StoreFull",
    "StoreCorrupt",
    "StoreFailed",
    "StoreLost",
    "StoreOutdated",
    "StoreRole",
    "StoreConflict",
    "ModelUnknown",
    "ModelUnauthorized",
    "ModelRateLimited",
    "ModelUnavailable",
    "ModelRefused",
    "ModelInvalidResponse",
    "ModelStreamBroken",
    "ModelScriptExhausted",
    "ModelContextExceeded",
    "OutputInvalid",
    "ToolUnknown",
    "ToolDenied",
    "ToolInvalidArguments",
    "ToolFailed",
    "ToolTimeout",
    "ToolExists",
    "TurnLimit",
    "RunEnded",
    "CollectionInvalid",
    "DocumentInvalid",
    "ArchiveInvalid",
    "AuditBroken",
    "ConfigInvalid",
    "CassetteDiffers",
    "ModelFileInvalid",
]

class Error(Exception):
    """What went wrong, where, and what to do about it. The base of everything aikit raises."""

    code: str
    """The stable word, the same in every language."""
    message: str
    """What happened, in a sentence."""
    path: str | None
    """A file path, or a JSON pointer into a spec."""
    line: int | None
    """Line in the document, from 1."""
    column: int | None
    """Column in the line, from 1, in characters."""
    hint: str | None
    """What to do about it."""
    retryable: bool
    """Whether the same call may succeed later."""
    cause: str | None
    """What lay beneath, as text; for a tool that failed, its traceback."""
    status: int | None
    """HTTP status of a model provider's answer."""
    request_id: str | None
    """The model provider's id of the exchange, for its support."""
    retry_after: float | None
    """Seconds that a model provider asked to wait."""
    diagnostics: list[Diagnostic]
    """All findings about a spec; empty for other errors."""

    def __init__(
        self,
        message: str,
        *,
        path: str | None = ...,
        line: int | None = ...,
        column: int | None = ...,
        hint: str | None = ...,
        retryable: bool | None = ...,
        cause: str | None = ...,
        status: int | None = ...,
        request_id: str | None = ...,
        retry_after: float | None = ...,
        diagnostics: list[Diagnostic] | None = ...,
    ) -> None: ...
    def to_dict(self) -> dict[str, Any]:
        """The error as a document: `code`, `message`, `retryable`, and what else is known."""

class InvalidArgument(Error):
    """An argument has the wrong type, shape or value."""

class InvalidHandle(Error):
    """The handle was freed, was never given out, or is of another kind."""

class InvalidUtf8(Error):
    """The text is not valid UTF-8."""

class Closed(Error):
    """The kernel was closed; open a new one."""

class Forked(Error):
    """The handle was made before a fork; open a new kernel in this process."""

class Timeout(Error):
    """The time allowed for the call ran out."""

class Cancelled(Error):
    """The run was cancelled by its caller."""

class Panic(Error):
    """A defect inside aikit was caught; please report it."""

class FileNotFound(Error):
    """There is no such file or folder."""

class FileUnreadable(Error):
    """The file cannot be read: a folder, a binary file, or no permission."""

class SpecInvalid(Error):
    """The spec breaks a rule; the diagnostics say where."""

class SpecTooLarge(Error):
    """The spec is larger, deeper or has more aliases than a spec may."""

class SpecNotFound(Error):
    """The repository has no such agent or version."""

class SpecConflict(Error):
    """Somebody else saved this version first, or changed it since it was read."""

class SpecImmutable(Error):
    """The version was promoted once and can never change; save under a new number."""

class SpecState(Error):
    """The version's state does not allow this step of its life."""

class SpecRetired(Error):
    """The version is retired and makes no agents any more."""

class TenantInvalid(Error):
    """The tenant id is not a slug."""

class TenantMismatch(Error):
    """The spec belongs to another tenant than the kernel's."""

class TenantNotFound(Error):
    """The store has no such tenant."""

class TenantExists(Error):
    """The store has a tenant of this id already."""

class TenantSuspended(Error):
    """The tenant is suspended; an administrator can resume it."""

class TenantReadOnly(Error):
    """The kernel only reads this tenant."""

class QuotaExceeded(Error):
    """The tenant has used up what it may have."""

class AccessDenied(Error):
    """The tenant did not grant this access."""

class BudgetExceeded(Error):
    """A budget of tokens or money does not allow the call of the model."""

class StoreUnavailable(Error):
    """The store cannot be opened."""

class StoreLocked(Error):
    """Another process holds the database's lock."""

class StoreFull(Error):
    """There is no space left for the database."""

class StoreCorrupt(Error):
    """The file is not an aikit database, or it is damaged."""

class StoreFailed(Error):
    """The database refused an operation."""

class StoreLost(Error):
    """The connection to the database was lost; look whether a change was made before it is repeated."""

class StoreOutdated(Error):
    """The database's tables are of another version of aikit."""

class StoreRole(Error):
    """The database role has the wrong rights: too many to be isolated, or too few."""

class StoreConflict(Error):
    """Another change of the same data came first; nothing was changed."""

class ModelUnknown(Error):
    """No such model or provider."""

class ModelUnauthorized(Error):
    """The provider refused the key, or none was given."""

class ModelRateLimited(Error):
    """The provider's rate limit was reached."""

class ModelUnavailable(Error):
    """The provider cannot be reached or reports a failure of its own."""

class ModelRefused(Error):
    """The provider refused the request as wrong."""

class ModelInvalidResponse(Error):
    """The model's answer cannot be understood."""

class ModelStreamBroken(Error):
    """The stream ended before the model had finished."""

class ModelScriptExhausted(Error):
    """The scripted model has no turn left for this call."""

class ModelContextExceeded(Error):
    """The conversation is longer than the model takes."""

class OutputInvalid(Error):
    """The model's answer does not fit the output schema, also after repairs."""

class ToolUnknown(Error):
    """No tool of that name is registered."""

class ToolDenied(Error):
    """The tool exists, and a rule forbids it here."""

class ToolInvalidArguments(Error):
    """The arguments do not fit the tool's schema."""

class ToolFailed(Error):
    """The tool reported an error or threw an exception."""

class ToolTimeout(Error):
    """The tool did not answer within its time."""

class ToolExists(Error):
    """A tool of that name is registered already."""

class TurnLimit(Error):
    """The run used all the turns that it was allowed."""

class RunEnded(Error):
    """The run has ended and its result was already taken."""

class CollectionInvalid(Error):
    """The collection name is not a slug."""

class DocumentInvalid(Error):
    """The document cannot be taken in."""

class ArchiveInvalid(Error):
    """The archive of a tenant is damaged, or not one."""

class AuditBroken(Error):
    """The audit log was changed or cut off."""

class ConfigInvalid(Error):
    """The configuration breaks a rule; the message says where."""

class CassetteDiffers(Error):
    """The request is not the one that was recorded; the message shows the difference."""

class ModelFileInvalid(Error):
    """The model's file is damaged, or of a kind that is not supported."""

def from_document(document: dict[str, Any]) -> Error: ...
def from_json(text: str) -> Error: ...
