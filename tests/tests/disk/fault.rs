//! Ways to break a disk, and to mend it.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// Runs a tool, and gives what it complained about.
pub(crate) fn run(tool: &str, arguments: &[&str]) -> Result<(), String> {
    let ran = Command::new(tool).args(arguments).output();
    let Output { status, stderr, .. } = ran.map_err(|error| format!("`{tool}`: {error}"))?;
    let complaint = String::from_utf8_lossy(&stderr);
    let failed = || format!("`{tool} {}`: {}", arguments.join(" "), complaint.trim());
    status.success().then_some(()).ok_or_else(failed)
}

/// Says that this machine cannot do what a test needs.
pub(crate) fn skipped(why: &str) {
    // Past the capture of the test harness, so that it is seen.
    let _ = writeln!(io::stderr(), "SKIPPED: {why}");
}

/// A file system of its own.
pub(crate) struct Mount {
    directory: TempDir,
}

impl Mount {
    /// One in memory, of so many bytes.
    pub(crate) fn in_memory(bytes: u64) -> Result<Self, String> {
        let mount = Self::new();
        let size = format!("size={bytes}");
        let path = mount.text();
        run("mount", &["-t", "tmpfs", "-o", &size, "tmpfs", &path])?;
        Ok(mount)
    }

    /// One on a disk of its own, which becomes read-only as a disk does on which errors are found.
    pub(crate) fn that_may_fail() -> Result<Self, String> {
        let mount = Self::new();
        let (image, path) = (mount.image(), mount.text());
        File::create(&image).unwrap().set_len(64 << 20).unwrap();
        run("mkfs.ext4", &["-q", image.to_str().unwrap()])?;
        let options = "loop,errors=remount-ro";
        run("mount", &["-o", options, image.to_str().unwrap(), &path])?;
        fs::metadata(mount.trigger()?).map_err(|error| format!("`trigger_fs_error`: {error}"))?;
        Ok(mount)
    }

    /// Lets the system find an error, so that it takes no writes any more.
    pub(crate) fn find_an_error(&self) {
        fs::write(self.trigger().unwrap(), "1").unwrap();
    }

    /// Mounts it again, when nobody uses it any more.
    pub(crate) fn mount_again(&self, how: &str) {
        let (image, path) = (self.image(), self.text());
        run("umount", &[&path]).unwrap();
        // It says by its exit code that it has mended something.
        let _ = run("e2fsck", &["-fy", image.to_str().unwrap()]);
        let options = format!("loop,{how}");
        run("mount", &["-o", &options, image.to_str().unwrap(), &path]).unwrap();
    }

    fn image(&self) -> PathBuf {
        self.path().with_extension("image")
    }

    fn trigger(&self) -> Result<PathBuf, String> {
        let device = Command::new("losetup").arg("-j").arg(self.image()).output();
        let device = device
            .map_err(|error| format!("`losetup`: {error}"))?
            .stdout;
        let device = String::from_utf8(device).unwrap();
        let name = device.split(':').next().unwrap().rsplit('/').next();
        let name = name
            .filter(|name| !name.is_empty())
            .ok_or("no loop device")?;
        Ok(Path::new("/sys/fs/ext4")
            .join(name)
            .join("trigger_fs_error"))
    }

    fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    fn text(&self) -> String {
        self.path().to_str().unwrap().into()
    }

    /// The file that takes up the room.
    fn filler(&self) -> PathBuf {
        self.path().join("filler")
    }

    /// Leaves no room.
    pub(crate) fn fill(&self) {
        let mut filler = File::create(self.filler()).unwrap();
        for size in [1 << 20, 1 << 12, 1] {
            while filler.write_all(&vec![0; size]).is_ok() {}
        }
    }

    /// Makes room.
    pub(crate) fn clear(&self) {
        fs::remove_file(self.filler()).unwrap();
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = run("umount", &["--lazy", &self.text()]);
        let _ = fs::remove_file(self.image());
    }
}
