//! The page around a conversion: a file of the package, which the app is given as a folder.

use std::{fs, io};

/// Where the page is.
const PAGE: &str = "/assets/page.html";

/// A whole page with this HTML in it.
pub(crate) fn with(html: &str) -> io::Result<String> {
    fs::read_to_string(PAGE).map(|page| filled(&page, html))
}

fn filled(page: &str, html: &str) -> String {
    page.replacen("{body}", html, 1)
}

#[cfg(test)]
mod tests {
    use super::filled;

    #[test]
    fn the_page_of_the_package_has_one_place_for_the_html() {
        let page = include_str!("../assets/page.html");
        assert!(filled(page, "<h1>A {body}</h1>\n").contains("<main>\n<h1>A {body}</h1>\n</main>"));
    }
}
