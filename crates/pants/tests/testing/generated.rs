//! Python that a real `protoc` makes of messages: imported by tests and programs without being in the repository.

use std::process::Command;

use crate::repository::{Repository, skipped};
use crate::{ends, report, run};

#[test]
fn messages_become_modules() {
    let repository = Repository::new(&[
        ("BUILD", "python_requirements(name = 'reqs', module_mapping = {'protobuf': ['google.protobuf']})\n"),
        ("requirements.txt", "grpcio-tools==1.66.*\nprotobuf\npytest==8.3.*\nruff==0.6.*\n"),
        (
            "api/BUILD",
            "python_library()\ngenrule(\n    name = 'proto',\n    sources = ['orders.proto'],\n    outputs = ['orders_pb2.py'],\n    \
             command = 'python -m grpc_tools.protoc -I. --python_out=. $SRCS',\n    tools = ['//:reqs#grpcio-tools'],\n    \
             dependencies = ['//:reqs#protobuf'],\n)\n",
        ),
        ("api/__init__.py", ""),
        ("api/orders.proto", "syntax = \"proto3\";\npackage orders;\nmessage Order { string id = 1; }\n"),
        (
            "svc/BUILD",
            "python_library()\npython_binary(name = 'app', entry_point = 'main.py')\npython_tests(name = 'tests')\n",
        ),
        ("svc/main.py", "from api.orders_pb2 import Order\n\nprint(Order(id='one').id)\n"),
        (
            "svc/order_test.py",
            "from api import orders_pb2\n\n\ndef test_order():\n    assert orders_pb2.Order(id='x').id == 'x'\n",
        ),
    ]);
    let (code, said) = run(&repository, &["-q", "lock"]);
    if code == 3 {
        return skipped("messages_become_modules", &said);
    }
    assert_eq!(code, 0, "{said}");
    let tested = report(&repository, &["::"]);
    assert_eq!(ends(&tested), [("svc/order_test.py", "passed", false)], "{tested:#}");
    let (code, said) = run(&repository, &["binary", "//svc:app"]);
    assert_eq!(code, 0, "{said}");
    let said = Command::new(repository.root().join("dist/svc/app.pex")).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&said.stdout), "one\n", "{}", String::from_utf8_lossy(&said.stderr));
    // The tool is in neither.
    let (_, inside) = run(&repository, &["sbom", "//svc:app"]);
    assert!(inside.contains("protobuf") && !inside.contains("grpcio"), "{inside}");
    let (code, said) = run(&repository, &["export"]);
    assert_eq!(code, 0, "{said}");
    assert!(repository.root().join("dist/generated/api/orders_pb2.py").is_file());

    // A field that is gone fails the test that uses it.
    repository.write("api/orders.proto", "syntax = \"proto3\";\nmessage Order { string name = 1; }\n");
    let edited = report(&repository, &["::"]);
    assert_eq!(ends(&edited), [("svc/order_test.py", "failed", false)], "{edited:#}");
}
