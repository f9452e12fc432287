//! Embeds the scripts, styles and pages of `web/dist`, by path, if the feature `console` is enabled.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=../../web/dist");
    if env::var_os("CARGO_FEATURE_CONSOLE").is_none() {
        return Ok(());
    }
    let directory = Path::new("../../web/dist");
    if !directory.join("elements.js").exists() {
        return Err(io::Error::other(
            "web/dist is not built: run `make web` (it needs Node.js 20 or later), or build without the web parts: --no-default-features",
        ));
    }
    let directory = directory.canonicalize()?;
    let mut files = Vec::new();
    visit(&directory, &mut files)?;
    files.sort();
    let mut code = String::from("&[\n");
    for file in files {
        let name = file.strip_prefix(&directory).unwrap_or(&file).display().to_string();
        let kind = match file.extension().and_then(|extension| extension.to_str()) {
            Some("js") => "text/javascript; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("html") => "text/html; charset=utf-8",
            _ => continue,
        };
        let _ = writeln!(code, "    ({name:?}, {kind:?}, include_bytes!({:?})),", file.display().to_string());
    }
    code.push_str("]\n");
    let out = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("cargo sets OUT_DIR"))?;
    fs::write(Path::new(&out).join("web.rs"), code)
}

fn visit(directory: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() { visit(&path, files)? } else { files.push(path) }
    }
    Ok(())
}
