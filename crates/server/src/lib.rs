//! The HTTP server of Strongroom: turns requests into the verbs of [`strongroom::Vault`]. `middleware/` does what every
//! request needs, `api/` has one file a noun, and `docs/openapi.json` describes the API.

mod api;
mod app;
#[cfg(feature = "console")]
mod assets;
mod caller;
pub mod config;
mod console;
mod cookie;
#[cfg(feature = "console")]
mod demo;
mod error_page;
mod extract;
mod limits;
mod metrics;
mod middleware;
pub mod openapi;
mod origin;
mod principal;
mod problem;
mod serve;

pub use app::App;
pub use config::Config;
#[cfg(feature = "console")]
pub use demo::Demo;
pub use serve::{Bound, service};
