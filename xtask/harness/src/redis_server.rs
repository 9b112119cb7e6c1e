//! The Redis that others are compared with. The server listens only on the test's address.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::process::on_path;
use crate::workspace::Workspace;

const SERVER: &str = "redis-server";

/// Puts a `redis-server` among the tools where none is installed. Debian's package of that name would start a service.
/// `redis-check-rdb` of redis-tools is the same program, which acts by the name that it is started with.
pub fn set_up(workspace: &Workspace) -> Result<()> {
    if server(workspace).is_ok() {
        return Ok(());
    }
    let program = on_path("redis-check-rdb").context("redis-tools brings no redis-check-rdb")?;
    let folder = folder(workspace);
    fs::create_dir_all(&folder)?;
    symlink(program, folder.join(SERVER)).context("can't put redis-server among the tools")
}

/// The server.
pub fn server(workspace: &Workspace) -> Result<PathBuf> {
    let own = folder(workspace).join(SERVER);
    on_path(SERVER).or(own.is_file().then_some(own)).context("redis-server is missing: run `cargo xtask setup`")
}

/// PATH for programs that start the server by its name.
pub fn path(workspace: &Workspace) -> Result<OsString> {
    let server = server(workspace)?;
    let folder = server.parent().map(Into::into);
    let path = env::var_os("PATH").unwrap_or_default();
    Ok(env::join_paths(env::split_paths(&path).chain(folder))?)
}

fn folder(workspace: &Workspace) -> PathBuf {
    workspace.tools().join("bin")
}
