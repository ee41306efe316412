//! What a write-ahead log holds that SQLite does not read.
//!
//! SQLite reads a log up to the first frame that does not follow the one before, and takes that for its end: what is behind it is
//! written over. A program that was killed leaves nothing there. After a loss of power there may be a commit that nobody was told of;
//! otherwise the disk has damaged commits that somebody relies on. So a log with commits behind its end is kept, and told of.
//!
//! The format is SQLite's: <https://sqlite.org/fileformat2.html#the_write_ahead_log>.

use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;

/// Keeps a copy of the log at this path, when it holds commits that are not read, and gives its path. To be called while nobody writes.
pub(super) fn keep(log: &Path) -> io::Result<Option<PathBuf>> {
    let Some(mut file) = open(log)? else {
        return Ok(None);
    };
    if !has_unread_commits(&mut file)? {
        return Ok(None);
    }
    let copy = free_name(log);
    if let Err(error) = copy_durably(log, &copy) {
        // Half of it would be in the way of the next attempt, most of all on a disk that is full.
        let _ = fs::remove_file(&copy);
        return Err(error);
    }
    Ok(Some(copy))
}

/// Whether the log at this path holds anything.
pub(super) fn is_written(log: &Path) -> io::Result<bool> {
    open(log)?.map_or(Ok(false), |mut file| has_more_than_zeros(&mut file))
}

/// The file at this path, when there is one.
fn open(log: &Path) -> io::Result<Option<BufReader<File>>> {
    match File::open(log) {
        Ok(file) => Ok(Some(BufReader::new(file))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn copy_durably(log: &Path, copy: &Path) -> io::Result<()> {
    fs::copy(log, copy)?;
    // Windows syncs what may be written only.
    File::options().write(true).open(copy)?.sync_all()
}

/// A name beside the log that no earlier copy has.
fn free_name(log: &Path) -> PathBuf {
    let mut copy = log.to_owned();
    for number in 0_u32.. {
        let mut name = log.as_os_str().to_owned();
        name.push(format!(".damaged-{number}"));
        copy = name.into();
        if !copy.exists() {
            break;
        }
    }
    copy
}

fn has_unread_commits(log: &mut impl Read) -> io::Result<bool> {
    let mut header = [0; HEADER];
    if !fill(log, &mut header)? {
        return Ok(false);
    }
    let Some(sums) = Sums::of_header(&header) else {
        // Without a header no frame is read. A log that was made and not yet written is full of zeros.
        return Ok(header != [0; HEADER] || has_more_than_zeros(log)?);
    };
    let (mut before, mut is_read) = (sums, true);
    let mut frame = vec![0; FRAME_HEADER + number(&header[8..]) as usize];
    while fill(log, &mut frame)? {
        // Those of another time are from when the log was longer, or are not written yet.
        let is_of_this_log = frame[8..16] == header[16..24];
        let follows = is_of_this_log && before.next(&frame).is_some();
        // A kill between the two writes of a frame leaves one that does not follow. One that follows was written as a whole, after all
        // that is before it.
        if follows && !is_read && number(&frame[4..]) != 0 {
            return Ok(true);
        }
        is_read &= follows;
        before.sums = [number(&frame[16..]), number(&frame[20..])];
    }
    Ok(false)
}

/// The running check sums, by which each frame follows the one before.
#[derive(Clone, Copy)]
struct Sums {
    is_big_endian: bool,
    sums: [u32; 2],
}

impl Sums {
    fn of_header(header: &[u8; HEADER]) -> Option<Self> {
        let magic = number(header);
        if magic & !1 != 0x377f_0682 {
            return None;
        }
        let mut start = Self {
            is_big_endian: magic & 1 == 1,
            sums: [0; 2],
        };
        start.add(&header[..24]);
        let page = number(&header[8..]);
        let is_page = page.is_power_of_two() && (512..=65_536).contains(&page);
        (is_page && start.are_at(&header[24..])).then_some(start)
    }

    fn next(mut self, frame: &[u8]) -> Option<Self> {
        self.add(&frame[..8]);
        self.add(&frame[FRAME_HEADER..]);
        self.are_at(&frame[16..]).then_some(self)
    }

    fn add(&mut self, bytes: &[u8]) {
        let [mut first, mut second] = self.sums;
        for pair in bytes.chunks_exact(8) {
            let [left, right] = [word(&pair[..4]), word(&pair[4..])].map(|word| {
                if self.is_big_endian {
                    u32::from_be_bytes(word)
                } else {
                    u32::from_le_bytes(word)
                }
            });
            first = first.wrapping_add(left).wrapping_add(second);
            second = second.wrapping_add(right).wrapping_add(first);
        }
        self.sums = [first, second];
    }

    fn are_at(&self, bytes: &[u8]) -> bool {
        self.sums == [number(bytes), number(&bytes[4..])]
    }
}

fn word(bytes: &[u8]) -> [u8; 4] {
    [bytes[0], bytes[1], bytes[2], bytes[3]]
}

/// Numbers in a log have their greatest byte first.
fn number(bytes: &[u8]) -> u32 {
    u32::from_be_bytes(word(bytes))
}

/// Whether there was as much.
fn fill(log: &mut impl Read, bytes: &mut [u8]) -> io::Result<bool> {
    match log.read_exact(bytes) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

fn has_more_than_zeros(log: &mut impl Read) -> io::Result<bool> {
    let mut bytes = [0; 4_096];
    loop {
        match log.read(&mut bytes)? {
            0 => return Ok(false),
            read if bytes[..read].iter().any(|byte| *byte != 0) => return Ok(true),
            _ => {}
        }
    }
}
