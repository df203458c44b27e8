//! Every error has a test that expects it.

use super::*;
use scale_info::TypeInfo;

/// The tests, as text.
const TESTS: [&str; 19] = [
    include_str!("access.rs"),
    include_str!("appeals.rs"),
    include_str!("assets.rs"),
    include_str!("committee.rs"),
    include_str!("deposits.rs"),
    include_str!("gold.rs"),
    include_str!("juries/faults.rs"),
    include_str!("juries/inconclusive.rs"),
    include_str!("juries/sides.rs"),
    include_str!("merging.rs"),
    include_str!("money.rs"),
    include_str!("outcomes.rs"),
    include_str!("panel.rs"),
    include_str!("results.rs"),
    include_str!("seal.rs"),
    include_str!("settle.rs"),
    include_str!("tasks.rs"),
    include_str!("terms.rs"),
    include_str!("reputation.rs"),
];

#[test]
fn no_error_is_untested() {
    let scale_info::TypeDef::Variant(errors) = Error::<Test>::type_info().type_def else {
        panic!("errors are variants");
    };
    assert!(errors.variants.len() > 70);
    for error in errors.variants {
        let expected = [format!("Error::{}", error.name), format!("Error::<Test>::{}", error.name)];
        let is_whole = |text: &str, name: &String| {
            text.match_indices(name.as_str()).any(|(at, name)| {
                !text[at + name.len()..].starts_with(|next: char| next.is_ascii_alphanumeric())
            })
        };
        let is_tested = TESTS.iter().any(|text| expected.iter().any(|name| is_whole(text, name)));
        assert!(is_tested, "no test expects {}", error.name);
    }
}
