//! The HTTP server of Strongroom: turns requests into the verbs of [`strongroom::Vault`]. The outermost layer
//! (`request.rs`) does what every request needs; `api/` has one file a noun; `docs/openapi.json` describes it all.

mod api;
mod app;
pub mod config;
mod extract;
mod limits;
mod metrics;
pub mod openapi;
mod origin;
mod page;
mod principal;
mod problem;
mod request;
mod serve;

pub use app::App;
pub use config::Config;
pub use serve::{Bound, router};
