//! Decode, shrink, turn upright, encode; in this order, so that only the small picture is turned.
//! Invariant: at most [`PIXELS_MAX`] pixels are ever decoded.

use std::io::Cursor;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};
use steading::Error;

use crate::size::Wanted;

/// The largest picture decoded: a 16-megapixel camera's. `steading.toml` sets the memory that it
/// takes, in the worst case a progressive JPEG with about twelve bytes a pixel.
const PIXELS_MAX: u64 = 16_000_000;

/// The most memory that a decoder may set aside for the picture, bytes: 16 megapixels with
/// transparency, or half of that with 16 bits a channel.
const DECODE_BYTES_MAX: u64 = 64 << 20;

/// Makes the thumbnail, as PNG.
pub(crate) fn shrink(file: &[u8], wanted: Wanted) -> Result<Vec<u8>, Error> {
    let (image, orientation) = decode(file)?;
    let wanted = if swaps_sides(orientation) { wanted.turned() } else { wanted };
    let (width, height) = wanted.fit(image.width(), image.height());
    let mut small = image.thumbnail_exact(width, height);
    small.apply_orientation(orientation);
    let mut png = Cursor::new(vec![]);
    small.write_to(&mut png, ImageFormat::Png)?;
    Ok(png.into_inner())
}

fn decode(file: &[u8]) -> Result<(DynamicImage, Orientation), Error> {
    if file.is_empty() {
        return Err(Error::new(400, "the body is empty; send a PNG or JPEG file"));
    }
    let format = image::guess_format(file).ok();
    let Some(format @ (ImageFormat::Png | ImageFormat::Jpeg)) = format else {
        return Err(Error::new(415, "the body is neither a PNG nor a JPEG file"));
    };
    let mut decoder =
        ImageReader::with_format(Cursor::new(file), format).into_decoder().map_err(bad_picture)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > PIXELS_MAX {
        let message =
            format!("the picture has {width} x {height} pixels, more than {PIXELS_MAX} in all");
        return Err(Error::new(422, message));
    }
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(DECODE_BYTES_MAX);
    limits.reserve(decoder.total_bytes()).map_err(bad_picture)?;
    decoder.set_limits(limits).map_err(bad_picture)?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let image = DynamicImage::from_decoder(decoder).map_err(bad_picture)?;
    Ok((image, orientation))
}

fn swaps_sides(orientation: Orientation) -> bool {
    matches!(
        orientation,
        Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH
    )
}

fn bad_picture(error: ImageError) -> Error {
    match error {
        ImageError::Limits(_) => {
            let mib = DECODE_BYTES_MAX >> 20;
            Error::new(422, format!("the picture takes more than {mib} MiB when decoded"))
        }
        error => Error::new(422, format!("the picture cannot be read: {error}")),
    }
}
