//! The page in a real Chromium, as people use it: by eye, by hand, by keyboard, by ear.

use arterial_testing::{Chromium, Screen};
use serde_json::{Value, json};

use crate::support::{Service, TOPIC, batch, waiting, window};
use crate::town::{PAST, close, jam, town, windows};

/// The page is drawn: it has its places and the numbers of now.
const DRAWN: &str =
    "document.querySelectorAll('#map .road').length > 0 && document.querySelectorAll('#roads-body tr').length > 1";

fn address(service: &Service, query: &str) -> String {
    format!("http://{}/{query}", service.running.http_addr)
}

/// The page of the town, drawn; none where there is no browser.
fn visit(service: &Service, screen: Screen) -> Option<Chromium> {
    let mut browser = Chromium::start()?;
    browser.open(&address(service, ""), screen);
    browser.until(DRAWN);
    Some(browser)
}

fn is_silent(browser: &mut Chromium) {
    let complaints = browser.complaints();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

fn text(browser: &mut Chromium, selector: &str) -> String {
    let found = browser.evaluate(&format!("document.querySelector({selector:?})?.textContent ?? ''"));
    found.as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_map_has_the_city_s_roads_and_the_slider_changes_what_they_say() {
    let service = town().await;
    close(&service, PAST, |key| if key.starts_with('H') { 0.5 } else { 1.0 }).await;
    let Some(mut browser) = visit(&service, Screen::default()) else {
        return;
    };
    let roads = browser.evaluate(
        "[...document.querySelectorAll('#map .road')].map(road => [road.dataset.road, road.children.length])",
    );
    let mut roads = roads.as_array().unwrap().clone();
    roads.sort_by_key(ToString::to_string);
    assert_eq!(
        roads,
        [json!(["High street", 4]), json!(["Mill road", 3]), json!(["Ring", 4])]
    );
    let order = browser
        .evaluate("[...document.querySelector('[data-road=\"High street\"]').children].map(one => one.dataset.key)");
    assert_eq!(
        order,
        json!(["H-1", "H-4", "H-3", "H-2"]),
        "along the road, from the west"
    );
    assert_eq!(browser.evaluate("document.querySelectorAll('#map .zone').length"), 2);

    // Half of free flow now; the model says that it gets faster by 1 km/h with each step.
    let class = "document.querySelector('[data-key=\"H-1\"]').getAttribute('class')";
    let row = "tr[data-road=\"High street\"] td";
    let (now, coloured) = (text(&mut browser, row), browser.evaluate(class));
    assert!(now.starts_with(['4', '5']), "{now}");
    assert!(text(&mut browser, "#moment").starts_with("Measured"));
    let last = "document.querySelector('#horizon').max";
    assert_eq!(browser.evaluate(last), "12", "up to the longest horizon");
    browser.evaluate(
        "(() => { const slider = document.querySelector('#horizon'); slider.value = slider.max; \
         slider.dispatchEvent(new Event('input', {bubbles: true})); })()",
    );
    browser.until("document.querySelector('#moment').textContent.includes('+60 min')");
    let (then, recoloured) = (text(&mut browser, row), browser.evaluate(class));
    assert!(then < now, "congestion falls from {now} to {then}");
    assert_ne!(coloured, recoloured);
    is_silent(&mut browser);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_map_says_what_it_waits_for_and_is_drawn_once_sensors_say_where_they_are() {
    let service = waiting(None).await;
    service.state.start().await.unwrap();
    let Some(mut browser) = Chromium::start() else { return };
    browser.open(&address(&service, "?language=fr"), Screen::default());
    let shown = "document.querySelector('#map-empty').checkVisibility()";
    browser.until("document.querySelector('#connection').dataset.connection === 'live'");
    assert_eq!(browser.evaluate(shown), true);
    let said = text(&mut browser, "#map-empty");
    assert!(said.starts_with("Pas encore de données. La carte apparaîtra"), "{said}");

    let nowhere = batch(&[("a", "north", 0, 0, Some(50.0))]);
    service.state.take(TOPIC, &nowhere, window(1));
    browser.until("document.querySelector('#map-empty').textContent.startsWith('Aucun capteur')");
    assert_eq!(browser.evaluate(shown), true);
    is_silent(&mut browser);
    service.state.take(TOPIC, &windows(1..2, |_| 1.0), window(2));
    browser.until(DRAWN);
    browser.until(&format!("!{shown}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chosen_road_shows_its_history_its_band_and_what_was_forecast_an_hour_before() {
    let service = town().await;
    // An hour and a bit, so that windows come that had been forecast an hour before.
    for number in PAST..PAST + 14 {
        close(&service, number, |_| 1.0).await;
    }
    let Some(mut browser) = visit(&service, Screen::default()) else {
        return;
    };
    browser.click("[data-key=\"M-2\"] .dot");
    browser.until("document.querySelector('#detail-title').textContent === 'Mill road' && document.querySelector('#chart').dataset.key === 'M-2'");
    assert_eq!(browser.evaluate("document.querySelector('#sensor').value"), "M-2");
    for (part, least) in [("measured", 60), ("forecast", 12), ("earlier", 2)] {
        let points = browser.evaluate(&format!(
            "document.querySelector('#chart .line.{part}').getAttribute('d').split(/[ML]/).length - 1"
        ));
        assert!(points.as_u64() >= Some(least), "{part}: {points}");
    }
    let band = browser.evaluate("document.querySelector('#chart .forecast-band').getAttribute('d')");
    assert_eq!(
        band.as_str().unwrap().split(['M', 'L']).count() - 1,
        24,
        "p90 there, p10 back"
    );

    // The numbers are those that the service gives, and the model says 1 km/h a step more than the last window.
    let rows =
        "[...document.querySelectorAll('#numbers tbody tr')].map(row => [...row.cells].map(cell => cell.textContent))";
    let rows = browser.evaluate(rows);
    let number = |cell: &Value| cell.as_str().unwrap().parse::<f64>().unwrap();
    let furthest = &rows[0];
    let newest = rows.as_array().unwrap().iter().find(|row| row[1] != "–").unwrap();
    assert!(
        (number(&furthest[3]) - number(&newest[1]) - 13.0).abs() < 0.11,
        "{furthest} {newest}"
    );
    assert!(
        (number(&furthest[4]) - number(&furthest[2]) - 8.0).abs() < 0.11,
        "p10 to p90: {furthest}"
    );
    assert_ne!(newest[5], "–", "an hour before: {newest}");
    assert_eq!(newest[6], "constant@1");

    browser.evaluate("document.querySelector('#hours').value = '3', document.querySelector('#hours').dispatchEvent(new Event('change'))");
    browser.until("document.querySelectorAll('#numbers tbody tr').length === 36 + 12");
    is_silent(&mut browser);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_worst_road_is_shown_until_somebody_chooses_another() {
    let service = town().await;
    close(&service, PAST, |key| if key.starts_with('M') { 0.3 } else { 1.0 }).await;
    let Some(mut browser) = visit(&service, Screen::default()) else {
        return;
    };
    let title = "document.querySelector('#detail-title').textContent";
    browser.until(&format!(
        "{title} === 'Mill road' && document.querySelector('.chart-slider')"
    ));
    assert_eq!(
        browser.evaluate("document.activeElement === document.body"),
        true,
        "the focus stays"
    );
    assert_eq!(browser.evaluate("location.hash"), "", "nobody has chosen it");
    browser.evaluate("document.querySelector('tr[data-road=\"High street\"] button').click()");
    browser.until(&format!(
        "{title} === 'High street' && location.hash === '#road=High%20street'"
    ));
    browser.evaluate("window.before = document.querySelector('#moment').textContent");
    close(&service, PAST + 1, |key| if key.starts_with('M') { 0.3 } else { 1.0 }).await;
    browser.until("document.querySelector('#moment').textContent !== window.before");
    assert_eq!(browser.evaluate(title), "High street");
    is_silent(&mut browser);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_is_shown_without_loading_the_page_again() {
    let service = town().await;
    let Some(mut browser) = visit(&service, Screen::default()) else {
        return;
    };
    browser.until("document.querySelector('#alerts-body').textContent.includes('Nothing is wrong')");
    browser.evaluate("window.loadedOnce = true; window.before = document.querySelector('#moment').textContent");
    let next = jam(&service, PAST).await;
    browser.until("document.querySelector('#moment').textContent !== window.before");
    browser.until("document.querySelector('.alert[data-alert]')");
    let alert = text(&mut browser, ".alert");
    assert!(
        alert.contains("High street") && alert.contains("accident (INC-7)"),
        "{alert}"
    );
    let marks = "document.querySelectorAll('#map .alert-mark').length";
    browser.until(&format!(
        "{marks} === document.querySelectorAll('.alert[data-alert]').length"
    ));
    assert!(
        text(&mut browser, "#say").contains("High street"),
        "whoever hears the page is told"
    );

    browser.evaluate("document.querySelector('.alert button').click()");
    browser.until("document.querySelector('#detail-title').textContent === 'High street'");
    service.models.promote(2);
    browser.until("document.querySelector('#models-body').textContent.includes('constant@2')");
    assert!(text(&mut browser, "#freshness-body").contains("traffic-sensors"));
    assert_eq!(browser.evaluate("window.loadedOnce"), true);

    // The server goes: the page says so instead of showing old numbers as new ones.
    assert_eq!(text(&mut browser, "#connection"), "Live");
    is_silent(&mut browser);
    close(&service, next, |_| 1.0).await;
    service.running.shutdown().await.unwrap();
    browser.until("document.querySelector('#connection').textContent.startsWith('Connection lost')");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_is_reached_by_keyboard_and_has_a_name() {
    let service = town().await;
    jam(&service, PAST).await;
    let Some(mut browser) = visit(&service, Screen::default()) else {
        return;
    };
    browser.until("document.querySelector('.alert')");
    let mut reached = Vec::new();
    for _ in 0..60 {
        browser.press("Tab");
        let at = browser.evaluate(
            "(() => { const at = document.activeElement; const style = getComputedStyle(at); \
             return [at.id || at.dataset.focus || at.textContent.trim(), at === document.body || style.outlineStyle !== 'none']; })()",
        );
        assert_eq!(at[1], true, "the focus is seen on {}", at[0]);
        reached.push(at[0].as_str().unwrap().to_owned());
    }
    for wanted in [
        "theme",
        "map",
        "zoom-in",
        "zoom-fit",
        "play",
        "horizon",
        "High street",
        "Ring",
    ] {
        assert!(reached.iter().any(|one| one == wanted), "{wanted}: {reached:?}");
    }

    browser.evaluate("document.querySelector('#map').focus()");
    let before = browser.evaluate("document.querySelector('#map > g').getAttribute('transform')");
    browser.press("ArrowRight");
    assert_ne!(
        browser.evaluate("document.querySelector('#map > g').getAttribute('transform')"),
        before
    );
    let scale =
        browser.evaluate("document.querySelector('#scale').style.width + document.querySelector('#scale').textContent");
    browser.press("+");
    browser.until(&format!(
        "document.querySelector('#scale').style.width + document.querySelector('#scale').textContent !== {scale}"
    ));
    // The worst road is chosen from the start: one back, and forward again.
    browser.until("document.querySelector('#chart').dataset.key?.startsWith('H-')");
    browser.press("[");
    browser.until("document.querySelector('#chart').dataset.key.startsWith('R-')");
    browser.press("]");
    browser.until("document.querySelector('#detail-title').textContent === 'High street' && document.querySelector('#chart').dataset.key.startsWith('H-')");
    assert!(text(&mut browser, "#say").starts_with("High street"));
    browser.evaluate("document.querySelector('.chart-slider').focus()");
    let said = text(&mut browser, "#readout");
    browser.press("ArrowLeft");
    assert_ne!(text(&mut browser, "#readout"), said, "the chart is walked through");

    let controls = [
        "button",
        "link",
        "slider",
        "combobox",
        "application",
        "region",
        "image",
        "img",
        "navigation",
    ];
    let seen = browser.accessible();
    for (role, name) in &seen {
        assert!(
            !controls.contains(&role.as_str()) || !name.trim().is_empty(),
            "a {role} has no name"
        );
    }
    let count = |role: &str| seen.iter().filter(|(one, _)| one == role).count();
    assert_eq!(
        (
            count("main"),
            count("banner"),
            count("navigation"),
            count("contentinfo")
        ),
        (1, 1, 1, 1)
    );
    assert!(count("table") >= 2 && count("heading") >= 6, "{seen:?}");
    is_silent(&mut browser);
}

/// The contrast of every text against what lies below it, by WCAG 2.2; those below 4.5.
const WEAK: &str = "(() => { \
    const lamp = part => { const x = part / 255; return x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4; }; \
    const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true}); \
    const rgb = colour => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); return [...canvas.getImageData(0, 0, 1, 1).data]; }; \
    const light = ([r, g, b]) => 0.2126 * lamp(r) + 0.7152 * lamp(g) + 0.0722 * lamp(b); \
    const ground = of => { let under = [255, 255, 255]; const above = []; for (let at = of; at; at = at.parentElement) above.unshift(rgb(getComputedStyle(at).backgroundColor)); \
        for (const [r, g, b, a] of above) under = [r, g, b].map((part, i) => part * a / 255 + under[i] * (1 - a / 255)); return light(under); }; \
    const weak = []; \
    for (const at of document.querySelectorAll('body *')) { \
        const own = [...at.childNodes].some(child => child.nodeType === 3 && child.textContent.trim()); \
        if (!own || !at.checkVisibility() || at.closest('svg, .unseen, script, button:disabled')) continue; \
        const [one, other] = [light(rgb(getComputedStyle(at).color)), ground(at)].sort((a, b) => b - a); \
        const contrast = (one + 0.05) / (other + 0.05); \
        if (contrast < 4.5) weak.push(`${at.textContent.trim().slice(0, 40)}: ${contrast.toFixed(2)}`); \
    } return weak; })()";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn texts_stand_out_by_day_and_by_night_and_nothing_runs_over_the_edge_in_any_language() {
    let service = town().await;
    jam(&service, PAST).await;
    let Some(mut browser) = Chromium::start() else { return };
    for dark in [false, true] {
        for language in ["en", "fr", "ru"] {
            let screen = Screen {
                width: 360,
                height: 740,
                mobile: true,
                dark,
                ..Screen::default()
            };
            browser.open(&address(&service, &format!("?language={language}")), screen);
            browser.until(DRAWN);
            browser.until("document.querySelector('.alert')");
            browser.evaluate("document.querySelector('#roads-body button').click()");
            browser.until("document.querySelector('.chart-slider')");
            assert_eq!(browser.evaluate(WEAK), json!([]), "{language}, dark: {dark}");
            let over = browser.evaluate("document.documentElement.scrollWidth - window.innerWidth");
            assert!(over.as_i64() <= Some(0), "{language}: {over} pixels too wide");
            let hidden = browser.evaluate(
                "[...document.querySelectorAll('#roads .scroll, #models .scroll')].filter(one => one.scrollWidth > one.clientWidth + 1).length",
            );
            assert_eq!(hidden, 0, "{language}: nothing is behind a sideways scroll");
            assert_eq!(browser.evaluate("document.documentElement.lang"), language);
            // A text that is missing shows its key.
            let words = browser.evaluate("document.body.innerText");
            let key = |word: &&str| {
                let groups = [
                    "map.",
                    "legend.",
                    "horizon.",
                    "detail.",
                    "chart.",
                    "alerts.",
                    "models.",
                    "freshness.",
                    "roads.",
                    "numbers.",
                ];
                groups.iter().any(|group| word.starts_with(group))
            };
            let keys: Vec<_> = words.as_str().unwrap().split_whitespace().filter(key).collect();
            assert!(keys.is_empty(), "{language}: {keys:?}");
            is_silent(&mut browser);
        }
    }
    // The switch wins over the system, and is remembered.
    let paper = "getComputedStyle(document.body).backgroundColor";
    let night = browser.evaluate(paper);
    browser.click("#theme");
    browser.until("document.documentElement.dataset.theme === 'light'");
    assert_ne!(browser.evaluate(paper), night);
    browser.open(
        &address(&service, ""),
        Screen {
            dark: true,
            ..Screen::default()
        },
    );
    assert_ne!(browser.evaluate(paper), night);
    assert_eq!(
        browser.evaluate("document.documentElement.lang"),
        "ru",
        "the language is remembered, too"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_scripts_the_page_tells_what_it_knows() {
    let service = town().await;
    jam(&service, PAST).await;
    let Some(mut browser) = Chromium::start() else { return };
    let screen = Screen {
        scripts: false,
        ..Screen::default()
    };
    browser.open(&address(&service, ""), screen);
    let seen: Vec<String> = browser.accessible().into_iter().map(|(_, name)| name).collect();
    let said = seen.join("\n");
    for wanted in [
        "High street",
        "Synthetic data",
        "constant@1",
        "traffic-sensors",
        "accident",
        "Open alerts",
    ] {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
    assert!(!said.contains("Zoom in"), "what needs scripts is not there");
}
