(function () {
  "use strict";
  var root = document.documentElement;
  var panel = document.getElementById("panel");
  var body = panel.querySelector(".panel-body");
  var heading = document.getElementById("title-panel");
  var back = panel.querySelector(".panel-back");
  var views = [];
  var origin = null;
  root.classList.add("js");

  /* The panel shows copies of the register's entries: nothing in it is written anywhere else. */

  function targets(link) {
    var target = document.getElementById(link.getAttribute("href").slice(1));
    if (!target) return [];
    if (!target.id.startsWith("note-")) return [target];
    return Array.from(target.querySelectorAll("a:not(.up)"), function (ground) {
      return document.getElementById(ground.getAttribute("href").slice(1));
    }).filter(Boolean);
  }

  function copy(entry, brief) {
    var clone = entry.cloneNode(true);
    clone.removeAttribute("id");
    clone.querySelectorAll("[id]").forEach(function (part) { part.removeAttribute("id"); });
    if (brief) {
      clone.classList.add("brief");
      var more = document.createElement("button");
      more.type = "button";
      more.className = "open";
      more.textContent = "More";
      more.setAttribute("aria-label", "More about " + clone.querySelector("h4").textContent);
      more.addEventListener("click", function () { push({ title: "One of its grounds", entries: [entry] }); });
      clone.append(more);
    }
    return clone;
  }

  function draw(view) {
    body.replaceChildren();
    if (view.quote) {
      var quote = document.createElement("blockquote");
      quote.className = "quoted";
      quote.textContent = view.quote;
      body.append(quote);
    }
    var many = view.entries.length > 3;
    view.entries.forEach(function (entry) {
      var long = /^(result|study)-/.test(entry.id) ? view.entries.length > 1 : many;
      body.append(copy(entry, long));
    });
    heading.textContent = view.title;
    back.hidden = views.length < 2;
    body.scrollTop = view.scroll || 0;
  }

  function push(view) {
    if (views.length) views[views.length - 1].scroll = body.scrollTop;
    views.push(view);
    draw(view);
    heading.focus({ preventScroll: true });
  }

  function mark(where) {
    document.querySelectorAll(".on").forEach(function (old) { old.classList.remove("on"); });
    if (where) where.classList.add("on");
  }

  function open(link) {
    var entries = targets(link);
    if (!entries.length) return false;
    var sentence = link.closest(".s");
    origin = link;
    mark(sentence || link);
    views = [];
    panel.hidden = false;
    document.body.classList.add("panel-open");
    push({ title: "What this rests on", quote: sentence ? words(sentence) : "", entries: entries });
    keepInSight(sentence || link);
    return true;
  }

  function words(sentence) {
    var plain = sentence.cloneNode(true);
    plain.querySelectorAll(".cite").forEach(function (cite) { cite.remove(); });
    return plain.textContent;
  }

  function keepInSight(part) {
    if (window.matchMedia("(min-width: 72rem)").matches) return;
    var hidden = part.getBoundingClientRect().bottom + 12 - panel.getBoundingClientRect().top;
    if (hidden > 0) window.scrollBy(0, hidden);
  }

  function close() {
    if (panel.hidden) return;
    panel.hidden = true;
    document.body.classList.remove("panel-open");
    mark(null);
    views = [];
    if (origin) origin.focus({ preventScroll: true });
  }

  panel.querySelector(".panel-close").addEventListener("click", close);
  back.addEventListener("click", function () {
    if (views.length < 2) return;
    views.pop();
    draw(views[views.length - 1]);
    (back.hidden ? heading : back).focus({ preventScroll: true });
  });

  document.addEventListener("click", function (event) {
    if (event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    var link = event.target.closest("a");
    if (link) {
      var href = link.getAttribute("href") || "";
      if (href.charAt(0) !== "#") return;
      if (panel.contains(link)) {
        var found = targets(link);
        if (!found.length) return;
        event.preventDefault();
        push({ title: "Where that comes from", entries: found });
      } else if (link.closest(".s, .plot, .references") && open(link)) {
        event.preventDefault();
      }
      return;
    }
    var sentence = event.target.closest(".s");
    if (sentence && String(window.getSelection()) === "") open(sentence.querySelector(".cite a"));
  });

  /* One stop of the Tab key per passage; the arrow keys go from sentence to sentence through the whole page. */

  var stops = Array.from(document.querySelectorAll("main .s .cite a, main .only-wide a, main .only-narrow a"));
  function passage(link) { return link.closest("p, ul, ol, table, svg"); }
  stops.forEach(function (link, index) {
    if (index && passage(stops[index - 1]) === passage(link)) link.tabIndex = -1;
  });
  document.addEventListener("keydown", function (event) {
    if (event.key === "Escape") { close(); return; }
    if (event.key !== "ArrowRight" && event.key !== "ArrowLeft") return;
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    var at = stops.indexOf(document.activeElement);
    if (at < 0) return;
    var step = event.key === "ArrowRight" ? 1 : -1;
    var next = at + step;
    while (stops[next] && stops[next].getClientRects().length === 0) next += step;
    if (!stops[next]) return;
    event.preventDefault();
    stops.forEach(function (link) { if (passage(link) === passage(stops[next])) link.tabIndex = -1; });
    stops[next].tabIndex = 0;
    stops[next].focus();
  });

  /* The register is long: its parts are folded away until they are asked for, searched or linked to. */

  var parts = Array.from(document.querySelectorAll(".register .group"), function (group) {
    var content = group.querySelector("h3 + *");
    var title = group.querySelector("h3");
    var button = document.createElement("button");
    button.type = "button";
    button.className = "fold";
    button.append(title.textContent + " (" + content.children.length + ")");
    title.replaceChildren(button);
    function set(open) {
      if (open) content.removeAttribute("hidden");
      else content.setAttribute("hidden", "until-found");
      button.setAttribute("aria-expanded", String(open));
    }
    button.addEventListener("click", function () { set(content.hasAttribute("hidden")); });
    content.addEventListener("beforematch", function () { set(true); });
    set(false);
    return { content: content, set: set };
  });
  function unfold() {
    var target = document.getElementById(decodeURIComponent(window.location.hash.slice(1)));
    var part = target && parts.find(function (one) { return one.content.contains(target); });
    if (!part) return;
    part.set(true);
    target.scrollIntoView();
  }
  window.addEventListener("hashchange", unfold);
  unfold();

  /* On paper nothing is folded away. */

  window.addEventListener("beforeprint", function () {
    document.querySelectorAll("details.domains").forEach(function (part) { part.open = true; });
  });

  /* Theme: as the system has it, light or dark; remembered where the browser lets a page remember. */

  var theme = document.querySelector(".theme");
  var names = { "": "System theme", light: "Light", dark: "Dark" };
  function stored(value) {
    try {
      if (value === undefined) return window.localStorage.getItem("theme") || "";
      window.localStorage.setItem("theme", value);
    } catch (error) { /* a page opened from disk may not store anything */ }
    return "";
  }
  function setTheme(value) {
    if (value === "light" || value === "dark") root.dataset.theme = value;
    else { value = ""; delete root.dataset.theme; }
    theme.querySelector(".theme-name").textContent = names[value];
    return value;
  }
  var current = setTheme(stored());
  theme.hidden = false;
  theme.addEventListener("click", function () {
    var order = ["", "light", "dark"];
    current = setTheme(order[(order.indexOf(current) + 1) % 3]);
    stored(current);
  });

  /* Which section is being read. */

  if ("IntersectionObserver" in window) {
    var entriesOf = {};
    document.querySelectorAll(".contents a").forEach(function (link) { entriesOf[link.getAttribute("href").slice(1)] = link; });
    var observer = new IntersectionObserver(function (changes) {
      changes.forEach(function (change) {
        if (!change.isIntersecting) return;
        Object.values(entriesOf).forEach(function (link) { link.removeAttribute("aria-current"); });
        entriesOf[change.target.id].setAttribute("aria-current", "true");
      });
    }, { rootMargin: "-15% 0px -75% 0px" });
    Object.keys(entriesOf).forEach(function (id) {
      var section = document.getElementById(id);
      if (section) observer.observe(section);
    });
  }
})();
