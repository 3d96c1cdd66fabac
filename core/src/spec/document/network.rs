//! Layer 6: other agents.

use crate::spec::decode::block;

block! {
    /// Layer 6: other agents.
    pub struct Network {
        /// Whether other agents can find this one.
        pub a2a_enabled: bool,
        /// What they find: the card of the Agent2Agent protocol.
        pub a2a: A2a,
        /// Where it is found.
        pub discovery: Discovery,
        /// Whom it may ask.
        pub delegation: Delegation,
    }
}

block! {
    /// What an agent card says that is nowhere else in the document.
    pub struct A2a {
        /// Where the agent answers.
        pub url: Option<String>,
        /// What it can do.
        pub skills: Vec<Skill>,
    }
}

block! {
    /// Something that an agent can do for others.
    pub struct Skill {
        /// Unique in the card; required.
        pub id: String,
        /// For people; else the id.
        pub name: Option<String>,
        /// What it does.
        pub description: Option<String>,
        /// Words to find it by.
        pub tags: Vec<String>,
    }
}

block! {
    /// Where an agent is found.
    pub struct Discovery {
        /// Template, for instance `{{tenant_id}}/agents`.
        pub namespace: Option<String>,
    }
}

block! {
    /// Whom an agent may ask.
    pub struct Delegation {
        /// Default off.
        pub enabled: bool,
        /// Agent ids.
        pub allowed_agents: Vec<String>,
        /// Hand-overs in a row.
        pub max_depth: Option<u32>,
    }
}
