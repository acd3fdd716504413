//! One SQLite database shared by processes: opening, waiting, and beginning anew; it does not know what is in it.
//!
//! A database lives in a numbered folder. A corrupt one is succeeded by one of the next number, never renamed or
//! overwritten: a process that still has the old one open would otherwise delete the write-ahead log of the new one
//! when it closes, since SQLite finds that file by its name. An old one is removed when nobody has it open.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use rustix::fs::{FlockOperation, flock};

use crate::error::At;
use crate::faults::{failed, is_absent, is_busy, is_corrupt};
use crate::session::{Session, try_lock};
use crate::warning::{Cause, Warnings};
use crate::{StoreError, holder, rows};

/// How long another process may hold the database before it is taken for stopped.
const PATIENCE: Duration = Duration::from_secs(30);
/// The same where what is to be written is no loss.
const LITTLE_PATIENCE: Duration = Duration::from_secs(1);
/// How long SQLite waits before it says that the database is busy.
const BUSY: Duration = Duration::from_secs(10);
/// How often in a row a new database is begun before that is given up.
const ATTEMPTS: u32 = 4;
const FILE: &str = "store.db";

/// The database in one folder, in its newest generation.
#[derive(Debug)]
pub(crate) struct Database {
    dir: PathBuf,
    tmp: PathBuf,
    current: RwLock<Arc<Generation>>,
    replacing: Mutex<()>,
    /// Whether another process was seen to hold the database for long.
    held: AtomicBool,
    warnings: Arc<Warnings>,
}

#[derive(Debug)]
struct Generation {
    number: u64,
    path: PathBuf,
    uri: String,
    flags: OpenFlags,
    idle: Mutex<Vec<Connection>>,
    /// Writers of this process stand in line here, which is fairer than SQLite's polling.
    writing: Mutex<()>,
    strikes: Mutex<u32>,
    /// Held shared for as long as the database is in use, so that nobody removes it.
    _lock: Option<File>,
}

impl Database {
    /// Opens the newest generation in `dir`, or begins the first; `tmp` is for what is not finished yet.
    pub(crate) fn open(dir: &Path, tmp: &Path, warnings: Arc<Warnings>) -> Result<Database, StoreError> {
        let numbers = generations(dir)?;
        let found = numbers.last().map(|number| Generation::open(dir, *number)).transpose();
        let current = match found {
            Ok(Some(generation)) => generation,
            Ok(None) => begin(dir, tmp, 0)?.0,
            Err(Failure::Corrupt(number)) => {
                let (generation, begun) = begin(dir, tmp, number)?;
                if begun {
                    warnings.add(Cause::CorruptDatabase(path_of(dir, number)));
                }
                generation
            }
            Err(Failure::Store(error)) => return Err(error),
        };
        if numbers.len() > 1 {
            remove_old(dir, current.number);
        }
        Ok(Database {
            dir: dir.to_owned(),
            tmp: tmp.to_owned(),
            current: RwLock::new(Arc::new(current)),
            replacing: Mutex::new(()),
            held: AtomicBool::new(false),
            warnings,
        })
    }

    /// Opens the newest generation in `dir` without writing anything there; none if there is none that can be read.
    pub(crate) fn open_read_only(dir: &Path, scratch: &Path, warnings: Arc<Warnings>) -> Option<Database> {
        let number = *generations(dir).ok()?.last()?;
        let Some(current) = Generation::open_read_only(dir, number, scratch) else {
            warnings.add(Cause::CorruptDatabase(path_of(dir, number)));
            return None;
        };
        Some(Database {
            dir: dir.to_owned(),
            tmp: scratch.to_owned(),
            current: RwLock::new(Arc::new(current)),
            replacing: Mutex::new(()),
            held: AtomicBool::new(false),
            warnings,
        })
    }

    /// Runs `query`. A database that turns out to be corrupt is begun anew, and `query` runs again; one that cannot be
    /// written to is as good as empty.
    pub(crate) fn read<T: Default>(
        &self,
        query: impl Fn(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        self.run(PATIENCE, &|generation| match generation.with(&query) {
            Err(error) if is_corrupt(&error) && !generation.flags.contains(WRITABLE) => {
                self.warnings.add(Cause::CorruptDatabase(generation.path.clone()));
                Ok(T::default())
            }
            result => result,
        })
    }

    /// The folder of what is only worth anything with the present content of the database.
    pub(crate) fn folder(&self) -> PathBuf {
        let generation = Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner));
        self.dir.join(generation.number.to_string())
    }

    /// Runs `change` in a transaction of its own, also after waiting for other writers and in a new database.
    pub(crate) fn write<T>(
        &self,
        change: impl Fn(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        self.write_within(PATIENCE, change)
    }

    /// The same for what is no loss: another process that writes is not waited for long, since it may have been stopped.
    pub(crate) fn offer<T>(
        &self,
        change: impl Fn(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        // Who was waited for once in vain is not waited for again: a run offers many things.
        let patience = if self.held.load(Ordering::Relaxed) { Duration::ZERO } else { LITTLE_PATIENCE };
        let begin = Instant::now();
        let offered = self.write_within(patience, change);
        if offered.is_err() && begin.elapsed() >= LITTLE_PATIENCE {
            self.held.store(true, Ordering::Relaxed);
        }
        offered
    }

    /// Moves what is in the log into the database, as far as nobody else who reads is in the way.
    pub(crate) fn checkpoint(&self, patience: Duration) -> Result<(), StoreError> {
        self.run(patience, &|generation| {
            generation.with(&|connection: &Connection| {
                connection.busy_timeout(patience.min(BUSY))?;
                let moved = connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)");
                connection.busy_timeout(BUSY)?;
                moved
            })
        })
    }

    /// The same as [`Database::write`] with a patience of its own.
    pub(crate) fn write_within<T>(
        &self,
        patience: Duration,
        change: impl Fn(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        self.run(patience, &|generation| {
            let _turn = generation.writing.lock().unwrap_or_else(PoisonError::into_inner);
            generation.with(&|connection: &Connection| {
                connection.busy_timeout(patience.min(BUSY))?;
                let begun = connection.execute_batch("BEGIN IMMEDIATE");
                connection.busy_timeout(BUSY)?;
                begun?;
                let result =
                    change(connection).and_then(|value| connection.execute_batch("COMMIT").map(|()| value));
                if result.is_err() && !connection.is_autocommit() {
                    connection.execute_batch("ROLLBACK")?;
                }
                result
            })
        })
    }

    fn run<T>(
        &self,
        patience: Duration,
        query: &dyn Fn(&Generation) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let begin = Instant::now();
        let mut pause = Duration::from_millis(1);
        let mut attempts = 0;
        loop {
            let generation = Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner));
            let error = match query(&generation) {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            let waited = is_busy(&error) && begin.elapsed() < patience;
            if waited {
                thread::sleep(pause);
                pause = (pause * 2).min(Duration::from_millis(100));
            } else if is_corrupt(&error) && attempts < ATTEMPTS {
                attempts += 1;
                self.replace(&generation)?;
            } else {
                return Err(match is_busy(&error) {
                    true => holder::held(&generation.path, begin.elapsed()),
                    false => failed(&generation.path, error),
                });
            }
        }
    }

    /// Finds or begins the successor of `bad`, unless `bad` turns out to be healthy when looked at alone.
    fn replace(&self, bad: &Generation) -> Result<(), StoreError> {
        let _one = self.replacing.lock().unwrap_or_else(PoisonError::into_inner);
        if self.current.read().unwrap_or_else(PoisonError::into_inner).number != bad.number {
            return Ok(());
        }
        let strikes = {
            let mut strikes = bad.strikes.lock().unwrap_or_else(PoisonError::into_inner);
            *strikes += 1;
            *strikes
        };
        bad.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
        if strikes == 1 && bad.is_healthy() {
            return Ok(());
        }
        let (next, begun) = begin(&self.dir, &self.tmp, bad.number)?;
        if begun {
            self.warnings.add(Cause::CorruptDatabase(bad.path.clone()));
        }
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(next);
        Ok(())
    }
}

/// What stops a generation from being opened.
enum Failure {
    Corrupt(u64),
    Store(StoreError),
}

const WRITABLE: OpenFlags = OpenFlags::SQLITE_OPEN_READ_WRITE;

impl Generation {
    fn open(dir: &Path, number: u64) -> Result<Generation, Failure> {
        let path = path_of(dir, number);
        let lock_path = path.with_file_name("lock");
        // Without its lock file the folder is not one of ours any more.
        let lock = match OpenOptions::new().read(true).write(true).open(&lock_path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Failure::Corrupt(number)),
            lock => lock.at("open", &lock_path).map_err(Failure::Store)?,
        };
        flock(&lock, FlockOperation::LockShared).at("lock", &lock_path).map_err(Failure::Store)?;
        let flags = WRITABLE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
        let generation = Generation::new(number, path, "", flags, Some(lock));
        generation.probe().map(|()| generation)
    }

    /// As immutable where no write-ahead log is waiting; else by the log; else a copy of both in `scratch`.
    fn open_read_only(dir: &Path, number: u64, scratch: &Path) -> Option<Generation> {
        let path = path_of(dir, number);
        let flags =
            OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
        let log = path.with_file_name(format!("{FILE}-wal"));
        let pending = fs::metadata(&log).is_ok_and(|log| log.len() > 0);
        let option = if pending { "" } else { "?immutable=1" };
        let generation = Generation::new(number, path.clone(), option, flags, None);
        if generation.probe().is_ok() {
            return Some(generation);
        }
        if !pending {
            return None;
        }
        let copy = scratch.join(FILE);
        fs::copy(&path, &copy).ok()?;
        fs::copy(&log, scratch.join(format!("{FILE}-wal"))).ok()?;
        let flags = WRITABLE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
        let generation = Generation::new(number, copy, "", flags, None);
        generation.probe().is_ok().then_some(generation)
    }

    fn new(number: u64, path: PathBuf, option: &str, flags: OpenFlags, lock: Option<File>) -> Generation {
        let uri = format!("{}{option}", uri(&path));
        let (idle, writing, strikes) = (Mutex::default(), Mutex::default(), Mutex::default());
        Generation { number, path, uri, flags, idle, writing, strikes, _lock: lock }
    }

    /// Whether it opens and is of the schema that is expected.
    fn probe(&self) -> Result<(), Failure> {
        match self.with(&rows::is_expected) {
            Ok(true) if !self.is_spoilt() => Ok(()),
            Ok(_) => Err(Failure::Corrupt(self.number)),
            Err(error) if is_corrupt(&error) || is_absent(&error, &self.path) => {
                Err(Failure::Corrupt(self.number))
            }
            Err(error) => Err(Failure::Store(failed(&self.path, error))),
        }
    }

    /// Whether SQLite refuses to write to what the system lets us write to: so says a damaged header.
    fn is_spoilt(&self) -> bool {
        self.flags.contains(WRITABLE)
            && matches!(self.with(&|connection| connection.is_readonly("main")), Ok(true))
            && rustix::fs::access(&self.path, rustix::fs::Access::WRITE_OK).is_ok()
    }

    fn is_healthy(&self) -> bool {
        let check = |connection: &Connection| {
            connection.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0))
        };
        self.with(&check).is_ok_and(|answer| answer == "ok")
            && matches!(self.with(&rows::is_expected), Ok(true))
    }

    fn with<T>(&self, query: &dyn Fn(&Connection) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.connect()?,
        };
        let result = query(&connection);
        // A connection that failed may hold on to what failed: the next query gets a fresh one.
        if result.is_ok() {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
        result
    }

    fn connect(&self) -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(&self.uri, self.flags)?;
        connection.busy_timeout(BUSY)?;
        connection.set_prepared_statement_cache_capacity(32);
        connection.execute_batch(
            "PRAGMA synchronous=NORMAL; PRAGMA cell_size_check=ON; PRAGMA temp_store=MEMORY;
             PRAGMA wal_autocheckpoint=256;",
        )?;
        // The log is moved into the database when it has a megabyte, which whoever opens it reads in no time; a run that
        // ends need not wait for the disk.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        Ok(connection)
    }
}

/// Opens a generation after `bad`, making it unless another process has; true where it was made here.
///
/// Several may make one at once, and the first to be done is the one that all use: nobody waits for another, who may have
/// been stopped.
fn begin(dir: &Path, tmp: &Path, bad: u64) -> Result<(Generation, bool), StoreError> {
    fs::create_dir_all(dir).at("create", dir)?;
    loop {
        let mut last = bad;
        for number in generations(dir)?.into_iter().rev().take_while(|number| *number > bad) {
            last = last.max(number);
            match Generation::open(dir, number) {
                Ok(generation) => return Ok((generation, false)),
                Err(Failure::Corrupt(_)) => {}
                Err(Failure::Store(error)) => return Err(error),
            }
        }
        let session = Session::new(tmp).at("create", tmp)?;
        let made = session.path();
        make(&made)?;
        let number = last + 1;
        let place = dir.join(number.to_string());
        match fs::rename(&made, &place) {
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists
                ) =>
            {
                continue;
            }
            renamed => renamed.at("create", &place)?,
        }
        return match Generation::open(dir, number) {
            Ok(generation) => Ok((generation, bad > 0 || last > 0)),
            Err(Failure::Store(error)) => Err(error),
            Err(Failure::Corrupt(_)) => {
                let source = io::Error::other("it is corrupt right after it was made").into();
                Err(StoreError::Database { path: path_of(dir, number), source })
            }
        };
    }
}

/// Makes a folder with an empty database.
fn make(folder: &Path) -> Result<(), StoreError> {
    fs::create_dir(folder).at("create", folder)?;
    let file = folder.join(FILE);
    let connection = Connection::open(&file).map_err(|error| failed(&file, error))?;
    rows::create(&connection).map_err(|error| failed(&file, error))?;
    connection.close().map_err(|(_, error)| failed(&file, error))?;
    File::create(folder.join("lock")).at("create", folder).map(drop)
}

/// Removes what precedes `current` and nobody has open. What fails stays for the next time.
fn remove_old(dir: &Path, current: u64) {
    for number in generations(dir).unwrap_or_default().into_iter().filter(|number| *number < current) {
        let folder = dir.join(number.to_string());
        let unused = match OpenOptions::new().read(true).write(true).open(folder.join("lock")) {
            Ok(lock) => try_lock(&lock).unwrap_or(false),
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        };
        if unused {
            let _ = fs::remove_dir_all(&folder);
        }
    }
}

fn path_of(dir: &Path, number: u64) -> PathBuf {
    dir.join(number.to_string()).join(FILE)
}

/// The numbers of the generations in `dir`, sorted.
fn generations(dir: &Path) -> Result<Vec<u64>, StoreError> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.at("read", dir)?,
    };
    let mut numbers = Vec::new();
    for entry in entries {
        numbers.extend(
            entry
                .at("read", dir)?
                .file_name()
                .to_str()
                .and_then(|name| name.parse::<u32>().ok())
                .map(u64::from),
        );
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// `path` as a URI for SQLite: what has a meaning in one, or is not ASCII, is escaped.
fn uri(path: &Path) -> String {
    use std::fmt::Write as _;
    use std::os::unix::ffi::OsStrExt as _;
    let mut uri = String::from("file:");
    let bytes = path.as_os_str().as_bytes();
    // Two slashes at the beginning would be followed by the name of a host.
    let slashes = bytes.iter().take_while(|byte| **byte == b'/').count();
    for byte in &bytes[slashes.saturating_sub(1)..] {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => {
                uri.push(char::from(*byte));
            }
            _ => write!(uri, "%{byte:02X}").expect("a string can be written to"),
        }
    }
    uri
}
