//! `POST /api/thumbnail?width=64` with a PNG or JPEG body answers a small PNG of it. Invariant: what
//! a picture says of its size is checked before memory is set aside for it.

#![forbid(unsafe_code)]

mod picture;
mod size;

use steading::{Error, Request, Response};

use crate::size::Wanted;

/// The longest file taken; a photo of 16 megapixels is rarely over 10 MiB.
const FILE_BYTES_MAX: usize = 16 << 20;

#[steading::http(methods(POST), auth = "anonymous")]
fn thumbnail(request: Request) -> Result<Response, Error> {
    let wanted = Wanted::of(&request)?;
    let png = picture::shrink(request.body_within(FILE_BYTES_MAX)?, wanted)?;
    Ok(Response::ok().header("content-type", "image/png").body(png))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use image::{DynamicImage, ImageFormat};
    use steading::IntoResponse;
    use steading::testing::request;

    use super::*;

    const PHOTO: &[u8] = include_bytes!("../photo.png");

    fn post(body: impl Into<Vec<u8>>, query: &str) -> Response {
        let request = request("POST", "/api/thumbnail").query(query).body(body).build();
        thumbnail(request).into_response()
    }

    fn size_of(response: &Response) -> (u32, u32) {
        assert_eq!(response.status_code(), 200, "{}", response.body_text());
        assert_eq!(response.header_value("content-type"), Some("image/png"));
        let image = image::load_from_memory_with_format(response.body_bytes(), ImageFormat::Png);
        let image = image.unwrap();
        (image.width(), image.height())
    }

    fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(vec![]);
        image.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn the_sample_becomes_as_wide_as_asked() {
        assert_eq!(size_of(&post(PHOTO, "width=64")), (64, 48));
        assert_eq!(size_of(&post(PHOTO, "")), (128, 96));
        assert_eq!(size_of(&post(PHOTO, "height=30")), (40, 30));
        assert_eq!(size_of(&post(PHOTO, "width=64&height=12")), (16, 12));
    }

    #[test]
    fn jpeg_and_every_depth_of_png_are_taken() {
        let colour = DynamicImage::new_rgb8(300, 200);
        assert_eq!(size_of(&post(encoded(&colour, ImageFormat::Jpeg), "width=30")), (30, 20));
        for image in [
            DynamicImage::new_luma8(300, 200),
            DynamicImage::new_luma_a16(300, 200),
            DynamicImage::new_rgba16(300, 200),
        ] {
            assert_eq!(size_of(&post(encoded(&image, ImageFormat::Png), "width=30")), (30, 20));
        }
    }

    #[test]
    fn a_photo_taken_sideways_comes_out_upright() {
        let jpeg = encoded(&DynamicImage::new_rgb8(300, 200), ImageFormat::Jpeg);
        // An Exif segment that says "turn by 90 degrees", put in after the start-of-image marker.
        let exif = b"\xff\xe1\0\x22Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
        let turned = [&jpeg[..2], exif, &jpeg[2..]].concat();
        assert_eq!(size_of(&post(turned, "width=20")), (20, 30));
    }

    #[test]
    fn a_size_that_cannot_be_is_refused_by_name() {
        for (query, named) in [
            ("width=0", "width"),
            ("width=-1", "width"),
            ("height=9999", "height"),
            ("width=", "width"),
        ] {
            let response = post(PHOTO, query);
            assert_eq!(response.status_code(), 400, "{query}");
            assert!(response.body_text().contains(&format!("`{named}`")), "{query}");
        }
    }

    #[test]
    fn what_is_no_photo_is_refused() {
        assert_eq!(post("hello", "").status_code(), 415);
        assert_eq!(post("", "").status_code(), 400);
        assert_eq!(post("GIF89a and more", "").status_code(), 415);
        assert_eq!(post(&PHOTO[..PHOTO.len() / 2], "").status_code(), 422);
    }

    #[test]
    fn a_small_file_that_claims_to_be_a_huge_picture_is_refused() {
        let mut png = encoded(&DynamicImage::new_luma8(1, 1), ImageFormat::Png);
        png[16..24].copy_from_slice(&[0, 0, 0x80, 0, 0, 0, 0x80, 0]);
        let crc = crc32(&png[12..29]);
        png[29..33].copy_from_slice(&crc.to_be_bytes());
        let response = post(png, "");
        assert_eq!(response.status_code(), 422);
        assert!(response.body_text().contains("32768 x 32768"), "{}", response.body_text());
    }

    fn crc32(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(!0, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1)))
        })
    }
}
