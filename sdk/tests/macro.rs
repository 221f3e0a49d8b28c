//! What the attribute takes and what it refuses. Each file under `macro/fail` is one kind of
//! mistake, and the `.stderr` file beside it is what a developer reads. `TRYBUILD=overwrite`
//! writes them anew; look at what changed before keeping it.

#[test]
fn right_uses_compile_and_wrong_ones_name_the_mistake() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/macro/pass/*.rs");
    cases.compile_fail("tests/macro/fail/*.rs");
}
