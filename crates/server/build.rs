//! Checks that `web/dist` exists if the feature `console` embeds it.

use std::path::Path;
use std::{env, io};

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=../../web/dist");
    if env::var_os("CARGO_FEATURE_CONSOLE").is_none() || Path::new("../../web/dist/elements.js").exists() {
        return Ok(());
    }
    Err(io::Error::other(
        "web/dist is not built: run `make web` (it needs Node.js 20 or later), or build without the web parts: --no-default-features",
    ))
}
