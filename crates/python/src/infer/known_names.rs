//! Projects whose modules are not called like them, for requirements that no lock records. Knows the well-known ones.

/// The modules of a project, by its normalised name, where they are not called like it.
pub(super) fn known(project: &str) -> Option<&'static [&'static str]> {
    let index = KNOWN.binary_search_by_key(&project, |(name, _)| name).ok()?;
    Some(KNOWN[index].1)
}

/// The projects that have a module, where they are not called like it: three at most, the shortest names first.
pub(super) fn known_projects(module: &str) -> Vec<&'static str> {
    let has = |known: &&str| -> bool {
        module.strip_prefix(*known).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let all = KNOWN.iter().filter(|(_, modules)| modules.iter().any(has));
    let mut projects: Vec<&str> = all.map(|(project, _)| *project).collect();
    projects.sort_by_key(|project| project.len());
    projects.truncate(3);
    projects
}

/// Sorted by bytes.
#[rustfmt::skip]
const KNOWN: &[(&str, &[&str])] = &[
    ("ansicolors", &["colors"]), ("antlr4-python3-runtime", &["antlr4"]), ("apache-airflow", &["airflow"]), ("argon2-cffi", &["argon2"]),
    ("atlassian-python-api", &["atlassian"]), ("attrs", &["attr", "attrs"]), ("auth0-python", &["auth0"]),
    ("azure-core", &["azure.core"]), ("azure-identity", &["azure.identity"]),
    ("azure-keyvault-secrets", &["azure.keyvault.secrets"]), ("azure-storage-blob", &["azure.storage.blob"]),
    ("beautifulsoup4", &["bs4"]), ("biopython", &["Bio", "BioSQL"]), ("bitvector", &["BitVector"]),
    ("cattrs", &["cattr", "cattrs"]), ("cython", &["Cython", "cython", "pyximport"]), ("delta-spark", &["delta"]),
    ("django-cors-headers", &["corsheaders"]), ("django-csp", &["csp"]), ("django-debug-toolbar", &["debug_toolbar"]),
    ("django-environ", &["environ"]), ("django-filter", &["django_filters"]),
    ("django-oauth-toolkit", &["oauth2_provider"]), ("django-storages", &["storages"]),
    ("djangorestframework", &["rest_framework"]), ("djangorestframework-simplejwt", &["rest_framework_simplejwt"]),
    ("dnspython", &["dns"]), ("docker-py", &["docker"]), ("enum34", &["enum"]), ("fonttools", &["fontTools"]),
    ("gitpython", &["git"]), ("google-api-core", &["google.api_core"]),
    ("google-api-python-client", &["apiclient", "googleapiclient"]),
    ("google-auth", &["google.auth", "google.oauth2"]),
    ("google-cloud-aiplatform", &["google.cloud.aiplatform", "vertexai"]),
    ("google-cloud-bigquery", &["google.cloud.bigquery"]), ("google-cloud-bigtable", &["google.cloud.bigtable"]),
    ("google-cloud-core", &["google.cloud._helpers", "google.cloud._http", "google.cloud.client", "google.cloud.exceptions"]),
    ("google-cloud-datastore", &["google.cloud.datastore"]), ("google-cloud-firestore", &["google.cloud.firestore"]),
    ("google-cloud-kms", &["google.cloud.kms"]), ("google-cloud-logging", &["google.cloud.logging"]),
    ("google-cloud-monitoring", &["google.cloud.monitoring", "google.cloud.monitoring_v3"]),
    ("google-cloud-pubsub", &["google.cloud.pubsub", "google.cloud.pubsub_v1"]),
    ("google-cloud-secret-manager", &["google.cloud.secretmanager"]),
    ("google-cloud-spanner", &["google.cloud.spanner", "google.cloud.spanner_v1"]),
    ("google-cloud-storage", &["google.cloud.storage"]),
    ("google-cloud-tasks", &["google.cloud.tasks", "google.cloud.tasks_v2"]),
    ("google-cloud-translate", &["google.cloud.translate"]), ("google-cloud-vision", &["google.cloud.vision"]),
    ("googleapis-common-protos", &["google.api", "google.logging", "google.longrunning", "google.rpc", "google.type"]),
    ("graphql-core", &["graphql"]), ("grpcio", &["grpc"]), ("grpcio-health-checking", &["grpc_health"]),
    ("grpcio-reflection", &["grpc_reflection"]), ("grpcio-status", &["grpc_status"]),
    ("grpcio-tools", &["grpc_tools"]), ("ipython", &["IPython"]), ("jpype1", &["jpype"]),
    ("kafka-python", &["kafka"]), ("lark-parser", &["lark"]), ("launchdarkly-server-sdk", &["ldclient"]),
    ("levenshtein", &["Levenshtein"]), ("line-bot-sdk", &["linebot"]), ("mail-parser", &["mailparser"]),
    ("markdown-it-py", &["markdown_it"]), ("matplotlib", &["matplotlib", "mpl_toolkits", "pylab"]),
    ("mysql-connector-python", &["mysql.connector"]), ("mysqlclient", &["MySQLdb"]), ("nvidia-ml-py", &["pynvml"]),
    ("opencv-contrib-python", &["cv2"]), ("opencv-contrib-python-headless", &["cv2"]), ("opencv-python", &["cv2"]),
    ("opencv-python-headless", &["cv2"]), ("opensearch-py", &["opensearchpy"]),
    ("opentelemetry-api", &["opentelemetry"]), ("opentelemetry-sdk", &["opentelemetry.sdk"]),
    ("paho-mqtt", &["paho"]), ("phonenumberslite", &["phonenumbers"]), ("pillow", &["PIL"]),
    ("pip-tools", &["piptools"]), ("progressbar2", &["progressbar"]), ("protobuf", &["google.protobuf"]),
    ("psycopg2-binary", &["psycopg2"]), ("pycrypto", &["Crypto"]), ("pycryptodome", &["Crypto"]),
    ("pycryptodomex", &["Cryptodome"]), ("pyfarmhash", &["farmhash"]), ("pygithub", &["github"]),
    ("pygobject", &["gi"]), ("pyhamcrest", &["hamcrest"]), ("pyicu", &["icu"]), ("pyjwt", &["jwt"]),
    ("pykube-ng", &["pykube"]), ("pymongo", &["bson", "gridfs", "pymongo"]), ("pymupdf", &["fitz", "pymupdf"]),
    ("pynacl", &["nacl"]), ("pyopenssl", &["OpenSSL"]), ("pypdf2", &["PyPDF2"]), ("pyqt5", &["PyQt5"]),
    ("pyqt6", &["PyQt6"]), ("pyserial", &["serial"]), ("pyside6", &["PySide6", "shiboken6"]),
    ("pysocks", &["socks", "sockshandler"]), ("pytest", &["_pytest", "py", "pytest"]), ("pytest-runner", &["ptr"]),
    ("python-consul", &["consul"]), ("python-dateutil", &["dateutil"]), ("python-docx", &["docx"]),
    ("python-dotenv", &["dotenv"]), ("python-gitlab", &["gitlab"]), ("python-gnupg", &["gnupg"]),
    ("python-hcl2", &["hcl2"]), ("python-jenkins", &["jenkins"]), ("python-jose", &["jose"]),
    ("python-json-logger", &["pythonjsonlogger"]), ("python-keycloak", &["keycloak"]),
    ("python-ldap", &["ldap", "ldapurl", "ldif"]), ("python-levenshtein", &["Levenshtein"]),
    ("python-magic", &["magic"]), ("python-memcached", &["memcache"]),
    ("python-multipart", &["multipart", "python_multipart"]), ("python-pptx", &["pptx"]),
    ("python-slugify", &["slugify"]), ("python-snappy", &["snappy"]), ("python-socketio", &["socketio"]),
    ("python-telegram-bot", &["telegram"]), ("python3-saml", &["onelogin"]),
    ("pywin32", &["pythoncom", "pywintypes", "win32api", "win32con"]), ("pyyaml", &["yaml"]), ("pyzmq", &["zmq"]),
    ("robotframework", &["robot"]), ("ruamel-yaml", &["ruamel.yaml"]), ("scikit-image", &["skimage"]),
    ("scikit-learn", &["sklearn"]), ("scikit-video", &["skvideo"]), ("setuptools", &["pkg_resources", "setuptools"]),
    ("slackclient", &["slack"]), ("snowflake-connector-python", &["snowflake.connector"]),
    ("speechrecognition", &["speech_recognition"]), ("tensorflow-cpu", &["tensorflow"]),
    ("tensorflow-gpu", &["tensorflow"]), ("websocket-client", &["websocket"]),
    ("zope-interface", &["zope.interface"]),
];

#[cfg(test)]
mod tests {
    use super::{KNOWN, known, known_projects};

    #[test]
    fn stubborn_names_are_known() {
        assert!(KNOWN.is_sorted_by_key(|(name, _)| name));
        let check = |project, expect: Option<&[&str]>| assert_eq!(known(project), expect, "{project}");
        check("pillow", Some(&["PIL"]));
        check("google-cloud-storage", Some(&["google.cloud.storage"]));
        check("flask", None);
        assert_eq!(known_projects("PIL.Image"), ["pillow"]);
        assert_eq!(known_projects("cv2")[0], "opencv-python");
        assert_eq!(known_projects("PILLOW"), [""; 0]);
    }
}
