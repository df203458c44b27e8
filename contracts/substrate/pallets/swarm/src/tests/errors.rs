//! Every error has a test that expects it.

use super::*;
use scale_info::TypeInfo;

/// The tests, as text.
const TESTS: [&str; 9] = [
    include_str!("closing.rs"),
    include_str!("failures.rs"),
    include_str!("nodes.rs"),
    include_str!("objections.rs"),
    include_str!("presence.rs"),
    include_str!("prices.rs"),
    include_str!("rounds.rs"),
    include_str!("seats.rs"),
    include_str!("swarms.rs"),
];

#[test]
fn no_error_is_untested() {
    let scale_info::TypeDef::Variant(errors) = Error::<Test>::type_info().type_def else {
        panic!("errors are variants");
    };
    assert!(errors.variants.len() > 30);
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
