//! A Redis for one test; the comparisons of `simulation` use this file too.

use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long Redis may take to start.
const START: Duration = Duration::from_secs(60);

/// A Redis on a socket in a folder of its own. Dropping stops the Redis and removes the folder.
pub struct RedisServer {
    server: Child,
    dir: PathBuf,
}

impl RedisServer {
    /// Starts one. `name` tells the folders of a process's tests apart; `options` are redis-server's.
    pub fn start(name: &str, options: &[&str]) -> Self {
        let dir = std::env::temp_dir().join(format!("sockeye-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let server = Command::new("redis-server")
            .args(["--port", "0", "--unixsocket", "socket", "--save", "", "--dir"])
            .arg(&dir)
            .args(options)
            .current_dir(&dir)
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is installed");
        Self { server, dir }
    }

    /// Connects, as soon as Redis listens. A read without bytes fails after `read_timeout`.
    pub fn connect(&self, read_timeout: Duration) -> UnixStream {
        let deadline = Instant::now() + START;
        loop {
            match UnixStream::connect(self.dir.join("socket")) {
                Ok(stream) => {
                    stream.set_read_timeout(Some(read_timeout)).unwrap();
                    return stream;
                }
                Err(error) => assert!(Instant::now() < deadline, "{error}"),
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}
