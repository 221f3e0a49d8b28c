//! A request's path in two: what leads to a function, and what is left for it. Pure.

/// A path in two, behind the app's prefix (`/api`, or `/functions/<app>/api`) and so many segments of a route. A
/// path that is no longer than that is all in the first part.
pub(super) fn split(path: &str, segments: usize) -> (&str, &str) {
    let prefix = if path.starts_with("/functions/") { 3 } else { 1 };
    let mut slashes = path.match_indices('/').map(|(at, _)| at);
    slashes.nth(prefix + segments).map_or((path, ""), |at| path.split_at(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_cut_behind_the_prefix_and_the_segments() {
        for (path, segments, ahead, left) in [
            ("/api/a/b", 0, "/api", "/a/b"),
            ("/api/a/b", 1, "/api/a", "/b"),
            ("/api/a", 3, "/api/a", ""),
            ("/api", 0, "/api", ""),
            ("/api/", 0, "/api", "/"),
            ("/functions/shop/api/a", 0, "/functions/shop/api", "/a"),
            ("/functions/shop/api", 0, "/functions/shop/api", ""),
        ] {
            assert_eq!(split(path, segments), (ahead, left), "{path}");
        }
    }
}
