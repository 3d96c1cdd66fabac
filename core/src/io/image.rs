//! Keeps our shared object mapped: `lua_close` or `dlclose` would otherwise unmap code that
//! threads still run. Together with `-z nodelete` at link time.

#![allow(unsafe_code)]

/// Takes one more reference to the image that holds this function, for the life of the process.
/// In a static build the image is the program itself and the call changes nothing.
#[cfg(unix)]
pub(super) fn pin() {
    // SAFETY: `dladdr` fills the zeroed struct for an address inside this image; `dlopen` with
    // RTLD_NOLOAD only raises the reference count of what is loaded already.
    unsafe {
        let mut info: libc::Dl_info = std::mem::zeroed();
        let here = pin as *const libc::c_void;
        if libc::dladdr(here, &raw mut info) != 0 && !info.dli_fname.is_null() {
            libc::dlopen(info.dli_fname, libc::RTLD_NOLOAD | libc::RTLD_LAZY);
        }
    }
}
