//! A chart as a picture of dots: the one of [`super::svg`], with a font that fleetctl brings along.

use std::sync::Arc;

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};

use super::{Chart, svg};

/// Dots for each point: screens have more of them than they used to.
const SCALE: f32 = 2.0;

/// Draws a chart of so many points; none where a picture cannot have that size.
pub fn png(chart: &Chart, width: f64, height: f64) -> Option<Vec<u8>> {
    let mut fonts = fontdb::Database::new();
    fonts.load_font_data(dejavu::sans::regular().to_vec());
    fonts.set_sans_serif_family("DejaVu Sans");
    let options = Options {
        fontdb: Arc::new(fonts),
        ..Options::default()
    };
    let tree = Tree::from_str(&svg(chart, width, height), &options).ok()?;
    let size = tree.size().to_int_size().scale_by(SCALE)?;
    let mut dots = Pixmap::new(size.width(), size.height())?;
    resvg::render(&tree, Transform::from_scale(SCALE, SCALE), &mut dots.as_mut());
    dots.encode_png().ok()
}
