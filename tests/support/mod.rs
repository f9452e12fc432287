//! What the tests of every crate share: a directory that the canary's scan visits afterwards, and the canary itself, a
//! secret that may turn up nowhere but in a plugin's own read.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Part of every secret in every test. `tests/canary/scan.py` looks for it.
pub(crate) const CANARY: &str = "CANARYb3d1f7a95c";

/// A secret that openai's pattern takes.
pub(crate) fn canary(name: &str) -> String {
    format!("sk-{CANARY}-{}", name.replace(' ', "-"))
}

/// The key of the environment in every test: a canary of its own kind, looked for as bytes and as text.
pub(crate) const KEY: &str = "Q0FOQVJZYjNkMWY3YTk1Y19rZXlfb2ZfdGhlX3Rlc3Q=";

/// A directory for one test. Under `make test` it stays, so that the canary's scan can visit it.
pub(crate) struct Dir {
    path: PathBuf,
    _temporary: Option<tempfile::TempDir>,
}

impl Dir {
    #[expect(clippy::disallowed_methods, reason = "the test run says where its files shall stay")]
    pub(crate) fn new(test: &str) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        match std::env::var("CANARY_DIR") {
            Ok(root) => {
                let name = format!("{test}-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::SeqCst));
                let path = Path::new(&root).join(name);
                std::fs::create_dir_all(&path).expect("the canary's directory");
                Self { path, _temporary: None }
            }
            Err(_) => {
                let temporary = tempfile::tempdir().expect("a temporary directory");
                Self { path: temporary.path().to_owned(), _temporary: Some(temporary) }
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The database in a directory of its own, 0700.
    pub(crate) fn database(&self) -> PathBuf {
        self.path.join("vault").join("strongroom.db")
    }
}
