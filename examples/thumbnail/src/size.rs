//! What size the thumbnail gets. Whole numbers only. Invariant: neither side is ever 0 or over
//! [`SIDE_MAX`].

use steading::{Error, Request};

/// The longest side of a thumbnail, pixels; what is larger is no thumbnail.
pub(crate) const SIDE_MAX: u32 = 1024;

/// The width when the caller names neither side, pixels.
const WIDTH_DEFAULT: u32 = 128;

/// The box that the thumbnail shall fill as far as it can.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    width: u32,
    height: u32,
}

impl Wanted {
    /// What the caller asks for in the query.
    pub(crate) fn of(request: &Request) -> Result<Self, Error> {
        Ok(match (side(request, "width")?, side(request, "height")?) {
            (None, None) => Self { width: WIDTH_DEFAULT, height: SIDE_MAX },
            (width, height) => {
                Self { width: width.unwrap_or(SIDE_MAX), height: height.unwrap_or(SIDE_MAX) }
            }
        })
    }

    /// The same box for a picture that will be turned by a quarter.
    pub(crate) fn turned(self) -> Self {
        Self { width: self.height, height: self.width }
    }

    /// The largest size of the picture's aspect ratio within the box.
    pub(crate) fn fit(self, width: u32, height: u32) -> (u32, u32) {
        // Compares width/height with the box's, without dividing.
        let wide = u64::from(width) * u64::from(self.height);
        let high = u64::from(height) * u64::from(self.width);
        if wide >= high {
            (self.width, scaled(height, self.width, width))
        } else {
            (scaled(width, self.height, height), self.height)
        }
    }
}

/// `side * to / from`, rounded to the nearest, at least 1.
fn scaled(side: u32, to: u32, from: u32) -> u32 {
    let from = u64::from(from.max(1));
    let scaled = (u64::from(side) * u64::from(to) + from / 2) / from;
    u32::try_from(scaled).unwrap_or(SIDE_MAX).clamp(1, SIDE_MAX)
}

fn side(request: &Request, name: &str) -> Result<Option<u32>, Error> {
    let Some(text) = request.query_param(name) else { return Ok(None) };
    match text.parse() {
        Ok(side) if (1..=SIDE_MAX).contains(&side) => Ok(Some(side)),
        _ => {
            let message = format!("`{name}` is `{text}`, not a whole number from 1 to {SIDE_MAX}");
            Err(Error::new(400, message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_aspect_ratio_stays_within_the_box() {
        let wanted = Wanted { width: 64, height: SIDE_MAX };
        assert_eq!(wanted.fit(640, 480), (64, 48));
        assert_eq!(wanted.fit(10, 10), (64, 64));
        assert_eq!(wanted.fit(1, 16_000), (1, SIDE_MAX));
        assert_eq!(wanted.fit(16_000, 1), (64, 1));
        assert_eq!(wanted.turned().fit(480, 640), (48, 64));
    }
}
