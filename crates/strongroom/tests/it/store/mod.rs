//! The test suite of the database contract. Each database adds one line here.

mod contract;

/// Runs the suite for a database. `$open` returns a new vault on it.
macro_rules! mount {
    ($name:ident, $open:expr; $($test:ident)*) => {
        mod $name {
            $(#[tokio::test]
            async fn $test() {
                super::contract::$test(($open)(concat!(stringify!($name), "-", stringify!($test))).await).await;
            })*
        }
    };
}

mount! { sqlite, crate::fixture::Fixture::new;
    lookups_require_tenant_and_owner
    refused_change_leaves_no_row_and_no_event
    batch_keeps_valid_writes_and_refuses_others
    pages_are_complete_and_ordered
    entry_is_logged_when_write_returns
    credential_without_user_key_is_refused
    writes_after_close_are_refused
    revoked_caller_writes_nothing
}
