//! Giving up what is not needed once the socket is open.

use std::io;

use super::sys;

/// The user that a program started with sudo was started by.
fn sudo_user() -> Option<(u32, u32)> {
    let id = |name| std::env::var(name).ok()?.parse().ok();
    Some((id("SUDO_UID")?, id("SUDO_GID")?)).filter(|(user, _)| *user != 0)
}

/// Gives up root and all capabilities: under sudo the process becomes the user who called it, else only the
/// capabilities go.
///
/// # Errors
/// When the kernel refuses; the process may then still have what it had.
pub fn drop_privileges() -> io::Result<()> {
    if let Some((user, group)) = sudo_user().filter(|_| sys::is_root()) {
        sys::become_user(user, group)?;
    }
    sys::drop_capabilities()
}
