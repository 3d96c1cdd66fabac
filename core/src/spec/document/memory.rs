//! Layer 3: what the agent remembers, and where.

use crate::spec::decode::{block, choice};

choice! {
    /// Where memory is kept.
    pub enum MemoryBackend {
        /// Gone with the process.
        InMemory = "inmemory" | "memory" | "in_memory",
        /// In the kernel's SQLite file.
        #[default]
        Sqlite = "sqlite" | "hnsw",
        /// In the kernel's PostgreSQL database.
        Postgresql = "postgresql" | "postgres",
    }
}

block! {
    /// Layer 3: what the agent remembers.
    pub struct Memory {
        /// Default off.
        pub enabled: bool,
        /// Default sqlite: the kernel's store.
        pub backend: MemoryBackend,
        /// Where the back end is, if not in the kernel's store; must agree with `backend`.
        pub location: Option<String>,
        /// What was said and done.
        pub episodic: EpisodicMemory,
        /// What is known: a graph in two times.
        pub semantic: SemanticMemory,
        /// How things are done.
        pub procedural: ProceduralMemory,
    }
}

choice! {
    /// How what was said and done is searched.
    pub enum EpisodicProvider {
        /// Gone with the process.
        InMemory = "inmemory" | "memory" | "in_memory",
        /// In the store, with a vector index.
        #[default]
        Hnsw = "hnsw",
        /// In an SQLite file.
        Sqlite = "sqlite",
        /// In a PostgreSQL database.
        Postgresql = "postgresql" | "postgres",
    }
}

block! {
    /// What was said and done.
    pub struct EpisodicMemory {
        /// Default hnsw.
        pub provider: EpisodicProvider,
        /// Template of the key space, for instance `{{tenant_id}}/{{agent_id}}/episodic`.
        pub namespace: Option<String>,
        /// Days that entries are kept.
        pub retention_days: Option<u32>,
        /// Entries that are kept.
        pub max_entries: Option<u64>,
        /// Parameters of the vector index.
        pub hnsw_config: HnswConfig,
    }
}

block! {
    /// Parameters of a hierarchical navigable small world graph (Malkov and Yashunin, 2016).
    pub struct HnswConfig {
        /// Links of a node; default 16.
        pub m: u32 = 16,
        /// Candidates while building; default 200.
        pub ef_construction: u32 = 200,
        /// Candidates while searching; default 64.
        pub ef_search: u32 = 64,
    }
}

choice! {
    /// Where the graph of facts is.
    pub enum SemanticProvider {
        /// In an SQLite file.
        #[default]
        SqliteGraph = "sqlite_graph" | "sqlite",
        /// In a PostgreSQL database.
        PostgresqlGraph = "postgresql_graph" | "postgresql" | "postgres",
    }
}

block! {
    /// What is known.
    pub struct SemanticMemory {
        /// Default sqlite_graph.
        pub provider: SemanticProvider,
        /// Template of the key space.
        pub namespace: Option<String>,
        /// Whether facts carry the time in which they hold.
        pub enable_temporal: bool,
        /// Whether rows are isolated by the database; PostgreSQL only.
        pub rls_enabled: bool,
    }
}

choice! {
    /// Where ways of doing things are kept.
    pub enum ProceduralProvider {
        /// In an SQLite file.
        #[default]
        Sqlite = "sqlite",
        /// In a PostgreSQL database.
        Postgresql = "postgresql" | "postgres",
    }
}

block! {
    /// How things are done.
    pub struct ProceduralMemory {
        /// Default sqlite.
        pub provider: ProceduralProvider,
        /// Prefix of tables.
        pub table_prefix: Option<String>,
    }
}

block! {
    /// Where what the agent makes is kept.
    pub struct Storage {
        /// Default: the kernel's store.
        pub backend: Option<MemoryBackend>,
        /// Files that it makes.
        pub artifacts: Artifacts,
    }
}

block! {
    /// Files that an agent makes.
    pub struct Artifacts {
        /// Default: the kernel's store.
        pub backend: Option<MemoryBackend>,
        /// Days that they are kept.
        pub retention_days: Option<u32>,
        /// GiB of all artifacts of the tenant.
        pub tenant_quota_gb: Option<u64>,
    }
}
