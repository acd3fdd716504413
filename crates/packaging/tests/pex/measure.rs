//! How long assembly takes beside a copy of the same bytes. Run by hand, in release, on an idle machine.

use std::fs;
use std::time::{Duration, Instant};

use packaging::pex::{Entry, PexSpec};

use crate::support::{UserFile, Workshop, download, options};

fn best(mut run: impl FnMut()) -> Duration {
    (0..9)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed()
        })
        .min()
        .unwrap()
}

fn measure(name: &str, requirements: &[&str]) {
    let Some(workshop) = Workshop::new() else { return };
    let Some(files) = download(name, requirements) else { return };
    let (trees, wheels) = workshop.wheels(&files);
    let entry = Entry::Module("app".to_owned());
    let mut spec = PexSpec { options: options(&[11]), entry, requirements: Vec::new(), wheels };
    let user: &[UserFile] = &[("app.py", "print('hi')\n", false)];
    let start = Instant::now();
    let pex = workshop.make(name, &spec, user, &trees);
    let first = start.elapsed();
    let assembly = workshop.prepare(&spec).unwrap();
    let mut count = 0;
    let again = best(|| {
        // Other content each time, so that no blob is there already.
        count += 1;
        spec.options.inject_env.insert("COUNT".to_owned(), count.to_string());
        workshop.assemble(assembly, &spec, user, &trees, &format!("{name}.new")).unwrap();
    });
    let copy = best(|| {
        fs::copy(&pex, workshop.dir.path().join("copy")).unwrap();
    });
    let bytes = fs::read(&pex).unwrap();
    let write = best(|| fs::write(workshop.dir.path().join("written"), &bytes).unwrap());
    let size = bytes.len() as f64 / 1e6;
    println!("{name}: {size:.1} MB, first {first:?}, again {again:?}, copy {copy:?}, write {write:?}");
}

#[test]
#[ignore = "a measurement"]
fn assembly() {
    measure("flask", &["flask==3.0.*"]);
    measure("numpy-pandas", &["numpy", "pandas", "requests"]);
}
