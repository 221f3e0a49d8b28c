//! The conversion. Pure.

use pulldown_cmark::{Event, Options, Parser, Tag, html};

/// The HTML of a text. HTML within it becomes text, and a link that would run a script leads nowhere.
pub(crate) fn html(text: &str) -> String {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    let events = Parser::new_ext(text, options).map(harmless);
    let mut html = String::with_capacity(text.len() * 2);
    html::push_html(&mut html, events);
    html
}

fn harmless(event: Event<'_>) -> Event<'_> {
    match event {
        Event::Html(html) | Event::InlineHtml(html) => Event::Text(html),
        Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
            let dest_url = if is_web(&dest_url) { dest_url } else { "#".into() };
            Event::Start(Tag::Link { link_type, dest_url, title, id })
        }
        Event::Start(Tag::Image { link_type, dest_url, title, id }) => {
            let dest_url = if is_web(&dest_url) { dest_url } else { "#".into() };
            Event::Start(Tag::Image { link_type, dest_url, title, id })
        }
        event => event,
    }
}

/// Whether a link leads to the web, or to another place of the same site.
fn is_web(url: &str) -> bool {
    let scheme = url.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
    scheme.is_none_or(|scheme| {
        scheme.contains(['/', '?', '#']) || ["http", "https", "mailto"].contains(&&*scheme)
    })
}

#[cfg(test)]
mod tests {
    use super::html;

    #[test]
    fn markdown_becomes_html() {
        assert_eq!(html("# A *b*"), "<h1>A <em>b</em></h1>\n");
        assert_eq!(html("[a](/b:c)"), "<p><a href=\"/b:c\">a</a></p>\n");
    }

    #[test]
    fn what_a_browser_would_run_is_text_or_leads_nowhere() {
        assert_eq!(html("a <b>c</b>"), "<p>a &lt;b&gt;c&lt;/b&gt;</p>\n");
        for text in ["[a](javascript:b)", "[a](JavaScript:b)", "<javascript:b>"] {
            assert!(html(text).contains("href=\"#\""), "{}", html(text));
        }
        assert!(!html("<script>a</script>").contains("<script"));
    }
}
