//! Images that cannot be: what is said, and where.

use crate::base::PYTHON;
use crate::service::Service;

#[track_caller]
fn check(service: &Service, arguments: &[&str], code: &str, place: &str, help: &str) {
    let output = service.checkout.command(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    for part in [code, place, help] {
        assert!(said.contains(part), "`{part}` is not in:\n{said}");
    }
}

#[test]
fn what_cannot_be_an_image_is_told_at_its_place() {
    let test = "what_cannot_be_an_image_is_told_at_its_place";
    let Some(service) = Service::new(test) else { return };
    let package = ["package", "//start:image"];
    let digest = service.base.one.clone();
    service.write_upon("python:3.11-slim", "['linux-x86_64']", "");
    check(&service, &package, "python::image_name", "start/BUILD:3", "skopeo inspect");
    service.write_upon(&format!("oci:../base@{digest}"), "['linux-x86_64']", "");
    check(&service, &package, "python::image_name", "start/BUILD:3", "oci:FOLDER");
    service.write_upon(&format!("oci:nowhere@{digest}"), "['linux-x86_64']", "");
    check(&service, &package, "image::unreadable", "start/BUILD:3", "skopeo copy");
    service.write(&digest, "['linux-aarch64']", "");
    check(
        &service,
        &package,
        "image::platform",
        "`linux/arm64`: it is for `linux/amd64`",
        "take a base for it",
    );
    service.write(&digest, "['macos-arm64']", "");
    check(&service, &package, "python::image_platform", "start/BUILD:3", "linux-x86_64");
    service.write(&digest, "['linux-x86_64', 'linux-x86_64-musl']", "");
    check(&service, &package, "python::image_twice", "start/BUILD:3", "one libc");
    service.write(&digest, "['linux-x86_64']", "prefix = 'app'");
    check(&service, &package, "python::absolute_path", "start/BUILD:4", "write a path");
    service.write(&digest, "['linux-x86_64']", "image_tags = ['1', 'a b']");
    check(&service, &package, "python::image_name", "start/BUILD:4", "`1.2.0`");
    service.write(&digest, "['linux-x86_64']", "");
    check(&service, &["publish", "//start:image"], "publish::registry", "start/BUILD:3", "--registry");

    service.write(&digest, "['linux-x86_64']", "registries = ['https://registry']");
    check(&service, &package, "python::image_name", "start/BUILD:4", "write the host");
    service.write(&digest, "['linux-x86_64']", "registries = ['registry/Team']");
    check(&service, &package, "python::image_name", "start/BUILD:4", "a registry is a host");

    // Two images with one name are both told.
    service.write(&digest, "['linux-x86_64']", "");
    service.checkout.write(
        "other/BUILD",
        &format!(
            "python_image(name = 'image', binary = '//start:app', base = 'oci:base@{digest}', \
             base_python = '{PYTHON}', repository = 'acme/start')\n"
        ),
    );
    let both = ["publish", "//start:image", "//other:image", "--registry", "registry"];
    check(
        &service,
        &both,
        "`//other:image` and `//start:image`",
        "registry/acme/start:latest",
        "--image-tag",
    );

    // An image of a `Dockerfile` is left alone, and one of a binary is not.
    service.checkout.write("docker/BUILD", "docker_image(name = 'image', source = 'Dockerfile')\n");
    service.checkout.write(
        "docker2/BUILD",
        &format!("docker_image(name = 'image', binary = '//start:lib', base = 'oci:base@{digest}')\n"),
    );
    check(
        &service,
        &["package", "//docker2:image"],
        "python::image_binary",
        "docker2/BUILD:1",
        "name the program",
    );
}
