//! What those are told who may not enter a tenant.

use crate::error::{Code, Error};

pub(super) fn not_found(tenant: &str) -> Error {
    Error::new(Code::TenantNotFound, format!("the store has no tenant {tenant:?}"))
        .hint(format!("an administrator makes it: aikit tenant create {tenant}"))
}

pub(super) fn suspended(tenant: &str) -> Error {
    Error::new(Code::TenantSuspended, format!("the tenant {tenant:?} is suspended"))
        .hint(format!("an administrator can resume it: aikit tenant resume {tenant}"))
}

pub(super) fn not_granted(tenant: &str) -> Error {
    Error::new(Code::AccessDenied, format!("reading the tenant {tenant:?} was not granted"))
        .hint("the tenant, or an administrator, grants it to an ancestor: aikit tenant grant")
}

pub(super) fn read_only(tenant: &str) -> Error {
    Error::new(Code::TenantReadOnly, format!("the tenant {tenant:?} is open for reading only"))
        .hint("open a kernel for the tenant itself to change something")
}
