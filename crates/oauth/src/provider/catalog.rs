//! The catalogue: the built-in providers and the operator's own files.
//! Every file is checked when it is read. A file of the operator replaces a built-in provider of the same name.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Provider;

const BUILT_IN: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/catalog.rs"));

/// All known providers, by name.
#[derive(Clone, Debug)]
pub struct Catalog {
    providers: BTreeMap<String, Arc<Provider>>,
}

/// Why a file of the catalogue cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// The file or directory cannot be read.
    #[error("{path} cannot be read; a directory of NAME.toml files is expected")]
    Unreadable {
        /// The file or directory.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// The file does not describe a valid provider.
    #[error("{place}: {what}")]
    Invalid {
        /// The file.
        place: String,
        /// All faults.
        what: String,
    },
}

impl Catalog {
    /// The built-in catalogue.
    ///
    /// # Errors
    /// [`CatalogError::Invalid`]. A test reads every file, so this does not occur in a release.
    pub fn built_in() -> Result<Self, CatalogError> {
        let mut catalog = Self { providers: BTreeMap::new() };
        for (name, text) in BUILT_IN {
            catalog.add(name, text, &format!("catalog/providers/{name}.toml"))?;
        }
        Ok(catalog)
    }

    /// Adds the operator's files (`NAME.toml`). A file replaces a whole provider with the same name.
    ///
    /// # Errors
    /// [`CatalogError`] for the first file that cannot be used.
    pub fn overlay(mut self, directory: &Path) -> Result<Self, CatalogError> {
        let unreadable = |source| CatalogError::Unreadable { path: directory.to_owned(), source };
        let mut paths: Vec<PathBuf> = Vec::new();
        for file in fs::read_dir(directory).map_err(unreadable)? {
            paths.push(file.map_err(unreadable)?.path());
        }
        paths.sort();
        for path in paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "toml")) {
            let text =
                fs::read_to_string(path).map_err(|source| CatalogError::Unreadable { path: path.clone(), source })?;
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            self.add(&name, &text, &path.display().to_string())?;
        }
        Ok(self)
    }

    /// Adds one provider.
    ///
    /// # Errors
    /// [`CatalogError::Invalid`].
    pub fn with(mut self, name: &str, text: &str) -> Result<Self, CatalogError> {
        self.add(name, text, name)?;
        Ok(self)
    }

    /// A provider by name.
    #[must_use]
    pub fn provider(&self, name: &str) -> Option<&Arc<Provider>> {
        self.providers.get(name)
    }

    /// All providers, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Arc<Provider>)> {
        self.providers.iter().map(|(name, provider)| (name.as_str(), provider))
    }

    fn add(&mut self, name: &str, text: &str, place: &str) -> Result<(), CatalogError> {
        let invalid = |what: String| CatalogError::Invalid { place: place.to_owned(), what };
        let provider: Provider = toml::from_str(text).map_err(|error| invalid(error.to_string()))?;
        let faults = provider.faults(name);
        if !faults.is_empty() {
            return Err(invalid(faults.join("; ")));
        }
        self.providers.insert(name.to_owned(), Arc::new(provider));
        Ok(())
    }
}
