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
    finders_demand_tenant_and_owner
    a_refused_change_leaves_neither_row_nor_event
    a_batch_keeps_what_is_good_and_refuses_what_is_not
    pages_are_whole_and_in_order
    an_entry_is_in_the_log_when_its_write_returns
    a_user_key_that_is_gone_refuses_the_credential
    writes_after_close_are_refused
    who_is_gone_by_then_writes_nothing
}
