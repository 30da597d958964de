//! Threats C5.1, invariant I4: the path that the rules saw is the path that the origin gets.

use crate::world::World;

async fn status(world: &World, target: &str) -> (u16, String) {
    let request = format!("GET {target} HTTP/1.1\r\nHost: open.test\r\nConnection: close\r\n\r\n");
    let answer = world
        .connect(&world.client("open.test"))
        .await
        .exchange(request.as_bytes())
        .await
        .unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    (
        answer.split(' ').nth(1).unwrap_or("0").parse().unwrap(),
        answer,
    )
}

#[tokio::test]
async fn ambiguous_paths_never_reach_the_origin() {
    let world = World::open().await;
    for path in [
        "/public/../admin",
        "/public/./admin",
        "/public/..;/admin",
        "/public/.;/admin",
        "/public/%2e%2e/admin",
        "/public/%2E%2e%2fadmin",
        "/%61dmin",
        "//admin",
        "/a//admin",
        "/a%2fb",
        "/a%5cb",
        "/a\\b",
        "/;x/admin",
        "/admin%00",
        "/admin%0d%0aX:1",
        "/admin%",
        "/admin%zz",
        "/admin%c0%ae",
        "/admin%ff",
        "/%252e%252e/admin",
        "https://open.test?x",
        "https://open.test//admin",
        "https://open.test/a/../admin",
    ] {
        let (status, answer) = status(&world, path).await;
        assert_eq!(status, 400, "{path}: {answer}");
        assert!(answer.contains("ambiguous_path"), "{path}: {answer}");
    }
    assert_eq!(world.origin.connections(), 0);
}

#[tokio::test]
async fn paths_arrive_byte_for_byte() {
    let world = World::open().await;
    for path in [
        "/",
        "/a/b",
        "/a%20b?x=%2f..%2f&y=a//b",
        "/a;v=1/b;w",
        "/%E4%BD%A0",
        "/~user/@x:y",
        "/?",
        "/a?b#",
        "/.well-known/x",
    ] {
        let (status, answer) = status(&world, path).await;
        assert_eq!(status, 200, "{path}: {answer}");
        let expected = path.strip_suffix('#').unwrap_or(path);
        let bytes = world.origin.bytes_of(world.origin.last().connection);
        let head = String::from_utf8_lossy(&bytes);
        assert!(
            head.contains(&format!("GET {expected} HTTP/1.1\r\n")),
            "{path}: {head}"
        );
    }
}

#[tokio::test]
async fn tunnels_and_traces_are_not_served() {
    let world = World::open().await;
    for request in [
        "CONNECT open.test:443 HTTP/1.1\r\nHost: open.test:443\r\n\r\n",
        "TRACE / HTTP/1.1\r\nHost: open.test\r\nConnection: close\r\n\r\n",
    ] {
        let answer = world
            .connect(&world.client("open.test"))
            .await
            .exchange(request.as_bytes())
            .await
            .unwrap();
        assert!(
            answer.starts_with(b"HTTP/1.1 405 "),
            "{}",
            String::from_utf8_lossy(&answer)
        );
    }
    assert_eq!(world.origin.connections(), 0);
}
