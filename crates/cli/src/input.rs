//! Secret input: from a file, from standard input, or from a prompt without echo. Never from arguments, because every
//! user of the machine can read them (CWE-214).

use std::io::{IsTerminal, Read};
use std::path::Path;

use anyhow::{Context, Result, bail};
use strongroom::Secret;

/// Reads a secret from a prompt or a pipe. `what` names it in the prompt.
pub(crate) fn secret(what: &str) -> Result<Secret<String>> {
    if std::io::stdin().is_terminal() {
        return Ok(Secret::new(
            rpassword::prompt_password(format!("{what} (not shown): ")).context("cannot read from the terminal")?,
        ));
    }
    let text = from_standard_input()?;
    if text.expose().is_empty() {
        bail!("{what} is missing, because standard input is empty; pipe it in, or run the command in a terminal");
    }
    Ok(text)
}

/// Reads an optional secret. Empty input counts as no secret.
pub(crate) fn secret_if_any(what: &str) -> Result<Option<Secret<String>>> {
    let text = if std::io::stdin().is_terminal() {
        let prompt = format!("{what} (not shown; optional): ");
        Secret::new(rpassword::prompt_password(prompt).context("cannot read from the terminal")?)
    } else {
        from_standard_input()?
    };
    Ok(Some(text).filter(|text| !text.expose().is_empty()))
}

/// Reads a file, or standard input for `-`. Removes one line ending at the end.
pub(crate) fn file(path: &Path) -> Result<Secret<String>> {
    if path == Path::new("-") {
        return from_standard_input();
    }
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(trimmed(text))
}

fn from_standard_input() -> Result<Secret<String>> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).context("cannot read standard input")?;
    Ok(trimmed(text))
}

fn trimmed(mut text: String) -> Secret<String> {
    if text.ends_with('\n') {
        text.pop();
    }
    if text.ends_with('\r') {
        text.pop();
    }
    Secret::new(text)
}
