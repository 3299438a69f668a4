//! Password files of libpq: lines of `host:port:database:user:password`
//! (postgresql.org/docs/current/libpq-pgpass.html).

use tokio_postgres::Config;
use tokio_postgres::config::Host;
use zeroize::Zeroizing;

/// PostgreSQL's own port.
const DEFAULT_PORT: u16 = 5432;

/// The password of the first line that is about one of the hosts.
pub(crate) fn password(content: &str, config: &Config) -> Option<Zeroizing<String>> {
    let user = config.get_user().unwrap_or_default();
    let database = config.get_dbname().unwrap_or(user);
    let ports = config.get_ports();
    let hosts = config.get_hosts().iter().enumerate().map(|(at, host)| {
        let host = match host {
            Host::Tcp(name) => name.as_str(),
            // As libpq has it.
            Host::Unix(_) => "localhost",
        };
        // One port may stand for all hosts.
        let port = ports.get(at).or(ports.first()).unwrap_or(&DEFAULT_PORT);
        (host, port.to_string())
    });
    let hosts: Vec<_> = hosts.collect();
    content.lines().find_map(|line| {
        if line.starts_with('#') {
            return None;
        }
        let [line_host, line_port, line_database, line_user, password] = fields(line)?;
        let is_about = |pattern: &str, value: &str| pattern == "*" || pattern == value;
        let is_of_host = hosts
            .iter()
            .any(|(host, port)| is_about(&line_host, host) && is_about(&line_port, port));
        (is_of_host && is_about(&line_database, database) && is_about(&line_user, user))
            .then_some(password)
    })
}

/// The fields of a line, in which a backslash takes the special meaning from what follows it.
fn fields(line: &str) -> Option<[Zeroizing<String>; 5]> {
    let mut fields: [Zeroizing<String>; 5] = Default::default();
    let mut at = 0;
    let mut rest = line.chars();
    while let Some(next) = rest.next() {
        match next {
            ':' if at < 4 => at += 1,
            '\\' => fields[at].extend(rest.next()),
            // The password may have further colons.
            other => fields[at].push(other),
        }
    }
    (at == 4).then_some(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_that_fits_has_the_password() {
        let content = "\
            # comment:5432:d:u:no\n\
            short:5432:d\n\
            db:5433:d:u:port\n\
            db:*:other:u:database\n\
            db:5432:d:u:a\\:b:c\\\\\n\
            *:*:*:*:last\n";
        let password = |address: &str| {
            let config = address.parse().unwrap();
            let found = password(content, &config);
            found.map(|it| (*it).clone())
        };
        let expected = |text: &str| Some(text.to_owned());
        assert_eq!(password("postgres://u@db/d"), expected("a:b:c\\"));
        assert_eq!(password("postgres://u@db:5433/d"), expected("port"));
        assert_eq!(password("postgres://u@x,db:5433/d"), expected("port"));
        assert_eq!(password("postgres://u@db/other"), expected("database"));
        assert_eq!(password("postgres://v@db/d"), expected("last"));
        assert_eq!(
            super::password("db:5432:d:u", &"postgres://u@db/d".parse().unwrap()),
            None
        );
    }
}
