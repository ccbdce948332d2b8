//! Certificates for servers and users, made by `openssl`, in a folder of their own.

use std::process::Command;

use tempfile::TempDir;

/// An authority, and what it has signed.
pub struct Authority {
    folder: TempDir,
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Authority {
    pub fn new() -> Self {
        let authority = Self { folder: tempfile::tempdir().unwrap() };
        authority
            .openssl("req -x509 -newkey rsa:2048 -nodes -keyout authority.key -out authority.pem -subj /CN=authority");
        authority
    }

    /// The path of its own certificate.
    pub fn certificate(&self) -> String {
        self.path("authority.pem")
    }

    /// Signs a certificate for a server or a user, such as `/O=shop/CN=ann`, with these extensions, for so many days. Returns
    /// the path of a file that has the key as well.
    pub fn sign(&self, name: &str, subject: &str, extensions: &str, days: i32) -> String {
        std::fs::write(self.path("extensions"), extensions).unwrap();
        self.openssl(&format!("req -newkey rsa:2048 -nodes -keyout {name}.key -out asked.pem -subj {subject}"));
        let sign = "x509 -req -in asked.pem -CA authority.pem -CAkey authority.key -CAcreateserial -extfile extensions";
        self.openssl(&format!("{sign} -days {days} -out {name}.crt"));
        self.with_key(name, name)
    }

    /// Puts a key and a certificate into one file, and returns its path.
    pub fn with_key(&self, key: &str, certificate: &str) -> String {
        let file = |name: String| std::fs::read_to_string(self.path(&name)).unwrap();
        let both = file(format!("{key}.key")) + &file(format!("{certificate}.crt"));
        let path = self.path(&format!("{certificate}.pem"));
        std::fs::write(&path, both).unwrap();
        path
    }

    /// Signs one for a server on this machine.
    pub fn sign_server(&self, name: &str, days: i32) -> String {
        self.sign(name, "/CN=host", "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n", days)
    }

    /// Signs one for a user.
    pub fn sign_user(&self, name: &str, days: i32) -> String {
        self.sign(name, &format!("/O=shop/CN={name}"), "basicConstraints=CA:FALSE\nextendedKeyUsage=clientAuth\n", days)
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// Runs `openssl` in the folder, which has `asked.pem`, what was asked for last.
    pub fn openssl(&self, arguments: &str) {
        let done = Command::new("openssl").args(arguments.split(' ')).current_dir(self.folder.path()).output().unwrap();
        assert!(done.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&done.stderr));
    }
}
