//! Standard output. A reader that has seen enough, such as `head`, ends the command quietly; the standard macros would panic.

use std::fmt::Arguments;
use std::io::{ErrorKind, Write};

/// Writes `text`; where nobody reads any more, or nothing can be written, the process ends.
pub fn write(text: Arguments<'_>) {
    let mut out = std::io::stdout().lock();
    let Err(error) = out.write_fmt(text).and_then(|()| out.flush()) else {
        return;
    };
    if error.kind() == ErrorKind::BrokenPipe {
        std::process::exit(0);
    }
    eprintln!("error: standard output cannot be written ({error})");
    std::process::exit(1);
}

/// Takes the place of the standard `print!` in this binary.
macro_rules! print {
    ($($text:tt)*) => {
        $crate::stdout::write(format_args!($($text)*))
    };
}

/// Takes the place of the standard `println!` in this binary.
macro_rules! println {
    ($($text:tt)*) => {
        $crate::stdout::write(format_args!("{}\n", format_args!($($text)*)))
    };
}
