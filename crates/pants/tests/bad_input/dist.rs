//! A `dist/` that cannot be written to.

use std::fs;

use crate::index::Index;
use crate::mount::{Mount, refusal, shut};
use crate::repository::Repository;

/// A program that has been built once, so that all it needs is in the cache. None where the runtime cannot be had.
fn built(test: &str) -> Option<Repository> {
    let index = Index::start(test)?;
    let mut repository = Repository::new(&[
        ("svc/main.py", "print(\"served\")\n"),
        (
            "svc/BUILD",
            "python_library(name = \"lib\")\n\npython_binary(name = \"app\", entry_point = \"main.py\", start_plan = False)\n",
        ),
    ]);
    index.of(&mut repository);
    let said = repository.run(&BUILD);
    assert_eq!((said.code, said.stdout.as_str()), (0, "dist/svc/app.pex\n"), "{}", said.stderr);
    Some(repository)
}

const BUILD: [&str; 2] = ["binary", "//svc:app"];

#[test]
fn dist_is_a_file() {
    let Some(repository) = built("dist_is_a_file") else { return };
    fs::remove_dir_all(repository.root().join("dist")).expect("it is there");
    repository.write("dist", "mine\n");
    repository.fails(
        &BUILD,
        3,
        r#"
error[dist::write]: cannot make the folder `TMP/repository/dist/svc`: Not a directory (os error 20)
 |
 = help: a file is in the way: move it, artifacts go below `dist/`
0 steps run, 8 from the cache, in N s
"#,
    );
    assert_eq!(repository.read("dist"), b"mine\n", "somebody else's file stays");
}

#[test]
fn folder_of_others_in_the_place_of_an_artifact() {
    let Some(repository) = built("folder_of_others_in_the_place_of_an_artifact") else { return };
    fs::remove_file(repository.root().join("dist/svc/app.pex")).expect("it is there");
    repository.write("dist/svc/app.pex/notes.txt", "mine\n");
    repository.fails(
        &BUILD,
        2,
        r#"
error[dist::occupied]: `TMP/repository/dist/svc/app.pex` is a folder with files that were not built
 |
 = help: remove it, or give the target another `output_path`
0 steps run, 8 from the cache, in N s
"#,
    );
    assert_eq!(repository.read("dist/svc/app.pex/notes.txt"), b"mine\n", "what others made stays");
}

#[test]
fn folder_of_others_in_the_place_of_a_folder() {
    let Some(repository) = built("folder_of_others_in_the_place_of_a_folder") else { return };
    let text = String::from_utf8(repository.read("svc/BUILD")).expect("text");
    repository.write(
        "svc/BUILD",
        text.replace("entry_point", "layout = \"loose\", output_path = \"docs\", entry_point"),
    );
    repository.write("dist/docs/notes.txt", "mine\n");
    let run = repository.run(&BUILD);
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert!(
        run.stderr.contains("`TMP/repository/dist/docs` is a folder with files that were not built"),
        "{}",
        run.stderr
    );
    assert_eq!(repository.read("dist/docs/notes.txt"), b"mine\n", "what others made stays");
    fs::remove_file(repository.root().join("dist/docs/notes.txt")).expect("it is there");
    assert_eq!(repository.run(&BUILD).code, 0, "an empty folder is in nobody's way");
    assert_eq!(repository.run(&BUILD).code, 0, "and what was built is built again");
}

#[test]
fn artifact_that_is_a_symlink_to_elsewhere() {
    let Some(repository) = built("artifact_that_is_a_symlink_to_elsewhere") else { return };
    let artifact = repository.root().join("dist/svc/app.pex");
    fs::remove_file(&artifact).expect("it is there");
    repository.write("precious.txt", "mine\n");
    std::os::unix::fs::symlink("../../precious.txt", &artifact).expect("a link");
    assert_eq!(repository.run(&BUILD).code, 0);
    assert!(fs::symlink_metadata(&artifact).is_ok_and(|found| found.is_file()), "the link is replaced");
    assert_eq!(repository.read("precious.txt"), b"mine\n", "what it named is not written to");
}

#[test]
fn dist_that_may_not_be_written_to() {
    let test = "dist_that_may_not_be_written_to";
    let Some(repository) = built(test) else { return };
    let folder = repository.root().join("dist/svc");
    fs::remove_file(folder.join("app.pex")).expect("it is there");
    let Some(_shut) = shut(test, &folder) else { return };
    let expected = format!(
        "error[dist::write]: cannot write `TMP/repository/dist/svc/app.pex`: {}\n |\n \
         = help: let your user write there: artifacts go below `dist/`\n\
         0 steps run, 8 from the cache, in N s",
        refusal()
    );
    repository.fails(&BUILD, 3, &expected);
    assert_eq!(repository.dist(), [""; 0]);
}

#[test]
fn full_disk_under_dist() {
    let test = "full_disk_under_dist";
    let Some(repository) = built(test) else { return };
    let folder = repository.root().join("dist");
    fs::remove_dir_all(folder.join("svc")).expect("it is there");
    let Some(_mount) = Mount::small(test, &folder, "256k") else { return };
    repository.fails(
        &BUILD,
        3,
        r#"
error[dist::write]: cannot write `TMP/repository/dist/svc/app.pex`: No space left on device (os error 28)
 |
 = help: free some space on its file system
0 steps run, 8 from the cache, in N s
"#,
    );
    assert_eq!(repository.dist(), [""; 0]);
}
