"""aikit: an agent runtime that lives inside your own program.

    import aikit

    with aikit.open() as kernel:
        kernel.collection("handbook").ingest("examples/handbook")
        agent = kernel.agent("examples/specs/handbook.yaml")
        print(agent.run("How much leave do I get?").text)

`aikit.open` gives the blocking family (`Kernel`, `Agent`, `Run`, `Collection`, `Specs`), and
`await aikit.open_async` the one for asyncio (`AsyncKernel`, ...), with the same method names.
`aikit.open_admin` and `await aikit.open_admin_async` are the door for administrators.
"""

from . import _aikit

__version__ = "0.1.0"

if _aikit.VERSION != __version__:
    raise ImportError(
        f"the package aikit is version {__version__} and its native module {_aikit.VERSION}: "
        "they must be the same; install aikit again"
    )

from ._admin_async import AsyncAdmin, open_admin_async
from ._admin_records import (
    ArchiveReport,
    AuditBreak,
    AuditChain,
    AuditEntry,
    AuditHead,
    AuditReport,
    CopyReport,
    Deletion,
    LeftOut,
    Pruned,
    ReadGrant,
    Remains,
    Said,
    Setting,
    TableDigest,
    Tenant,
    TenantPage,
    TenantUsage,
    UsageDay,
    UsageTotals,
)
from ._admin_sync import Admin, open_admin
from ._async import AsyncAgent, AsyncCollection, AsyncKernel, AsyncRun, AsyncSpecs, open_async
from ._errors import *  # noqa: F403 - one class a code: the list is the core's table
from ._errors import __all__ as _error_names
from ._events import (
    BudgetWarning,
    Event,
    ModelFinished,
    ModelStarted,
    Retrying,
    ReasoningDelta,
    RetrievalFinished,
    RunCancelled,
    RunFailed,
    RunFinished,
    RunStarted,
    TextDelta,
    ToolCallDelta,
    ToolFinished,
    ToolStarted,
)
from ._exit import register as _register_exit
from ._records import (
    Citation,
    Diagnostic,
    Document,
    IngestReport,
    ModelToolCall,
    Passage,
    RunResult,
    Skipped,
    Usage,
)
from ._spec import (
    Spec,
    diagnose,
    edit_spec,
    import_spec,
    load_spec,
    parse_spec,
    spec_schema,
)
from ._spec_records import (
    Change,
    HistoryEntry,
    ImportedSpec,
    ImportEntry,
    ImportReport,
    SpecBundle,
    SpecImport,
    SpecPage,
    SpecRecord,
)
from ._sync import Agent, Collection, Kernel, Run, Specs, open

__all__ = [
    "Admin",
    "Agent",
    "ArchiveReport",
    "AsyncAdmin",
    "AsyncAgent",
    "AsyncCollection",
    "AsyncKernel",
    "AsyncRun",
    "AsyncSpecs",
    "AuditBreak",
    "AuditChain",
    "AuditEntry",
    "AuditHead",
    "AuditReport",
    "BudgetWarning",
    "Change",
    "Citation",
    "Collection",
    "CopyReport",
    "Deletion",
    "Diagnostic",
    "Document",
    "Event",
    "HistoryEntry",
    "ImportEntry",
    "ImportReport",
    "ImportedSpec",
    "IngestReport",
    "Kernel",
    "LeftOut",
    "ModelFinished",
    "ModelStarted",
    "ModelToolCall",
    "Passage",
    "Pruned",
    "ReadGrant",
    "Remains",
    "ReasoningDelta",
    "RetrievalFinished",
    "Retrying",
    "Run",
    "RunCancelled",
    "RunFailed",
    "RunFinished",
    "RunResult",
    "RunStarted",
    "Said",
    "Setting",
    "Skipped",
    "Spec",
    "SpecBundle",
    "SpecImport",
    "SpecPage",
    "SpecRecord",
    "Specs",
    "TableDigest",
    "Tenant",
    "TenantPage",
    "TenantUsage",
    "TextDelta",
    "ToolCallDelta",
    "ToolFinished",
    "ToolStarted",
    "Usage",
    "UsageDay",
    "UsageTotals",
    "diagnose",
    "edit_spec",
    "import_spec",
    "load_spec",
    "open",
    "open_admin",
    "open_admin_async",
    "open_async",
    "parse_spec",
    "spec_schema",
]
__all__ += _error_names

_register_exit()
