using System.Globalization;
using Lorikeet.Server;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Lorikeet.Dashboard.Tests;

/// <summary>The dashboard in a real browser: figures move, answers stream side by side, it fits a phone, it is legible in dark and light.</summary>
public sealed class DashboardTests(DashboardHost host) : IClassFixture<DashboardHost>
{
    [ChromiumFact]
    public async Task Figures_move_while_two_adapters_stream_side_by_side()
    {
        IPage page = await host.OpenAsync();
        List<string> faults = Faults(page);
        await Expect(page.Locator(".live")).ToHaveTextAsync("live");
        await Expect(page.Locator("tbody tr")).ToHaveCountAsync(3);
        await Expect(page.Locator(".answer")).ToHaveCountAsync(3);
        await page.Locator(".answer[data-adapter=tiny] header button").ClickAsync();
        await Expect(page.Locator(".answer")).ToHaveCountAsync(2);
        await page.GetByLabel("Tokens", new PageGetByLabelOptions { Exact = true }).FillAsync(DashboardHost.LongTokens);
        await page.GetByLabel("Prompt", new PageGetByLabelOptions { Exact = true }).FillAsync("Once upon a time");
        await page.Keyboard.PressAsync("Control+Enter");
        await Expect(page.Locator(".answer.streaming")).ToHaveCountAsync(2);
        foreach (string name in (string[])["legal", "poems"])
        {
            await Expect(page.Locator($".answer[data-adapter={name}] .status")).ToContainTextAsync("tokens/s");
        }
        ILocator rows = page.Locator("tbody tr");
        await Expect(page.Locator("#figure-tokens .note")).Not.ToHaveTextAsync("0 since the start");
        await Expect(rows.Filter(new LocatorFilterOptions { HasText = "legal" }).Locator("td[data-label=Requests]")).Not.ToHaveTextAsync("–");
        await page.WaitForFunctionAsync("() => /highest (?!0$)/.test(document.querySelector('#figure-tokens .spark title').textContent)");
        await Expect(rows.Filter(new LocatorFilterOptions { HasText = "poems" }).Locator("td[data-label='First p50']")).ToContainTextAsync("s");
        await Expect(rows.Filter(new LocatorFilterOptions { HasText = "poems" }).Locator("td[data-label='Tokens/s']")).Not.ToHaveTextAsync("–");
        await page.Keyboard.PressAsync("Escape");
        await Expect(page.Locator(".answer.streaming")).ToHaveCountAsync(0);
        await SaveAsync(page, "desktop-light");
        Assert.Empty(faults);
    }

    [ChromiumFact]
    public async Task Columns_end_by_themselves_and_say_what_went_wrong()
    {
        IPage page = await host.OpenAsync();
        await Expect(page.Locator(".answer")).ToHaveCountAsync(3);
        await page.GetByLabel("Add an adapter by name").FillAsync("nobody");
        await page.GetByLabel("Add an adapter by name").PressAsync("Enter");
        await page.GetByLabel("Tokens", new PageGetByLabelOptions { Exact = true }).FillAsync("8");
        await page.GetByLabel("Prompt", new PageGetByLabelOptions { Exact = true }).FillAsync("abc");
        await page.GetByRole(AriaRole.Button, new PageGetByRoleOptions { Name = "Send" }).ClickAsync();
        await Expect(page.Locator(".answer.failed .status")).ToContainTextAsync("does not exist");
        await Expect(page.Locator(".answer.done")).ToHaveCountAsync(3);
        await Expect(page.GetByRole(AriaRole.Button, new PageGetByRoleOptions { Name = "Send" })).ToBeEnabledAsync();
    }

    [ChromiumFact]
    public async Task Nothing_scrolls_sideways_on_a_phone_and_dark_is_dark()
    {
        foreach ((ColorScheme scheme, int width) in ((ColorScheme, int)[])[(ColorScheme.Dark, 360), (ColorScheme.Light, 390), (ColorScheme.Dark, 820), (ColorScheme.Dark, 1280)])
        {
            IPage page = await host.OpenAsync(width, 780, scheme);
            await Expect(page.Locator(".answer")).ToHaveCountAsync(3);
            Assert.Equal(width, await page.EvaluateAsync<int>("document.documentElement.scrollWidth"));
            string[] colours = (await page.EvaluateAsync<string>("(({backgroundColor, color}) => backgroundColor + '/' + color)(getComputedStyle(document.body))")).Split('/');
            Assert.Equal(scheme == ColorScheme.Dark, Luminance(colours[0]) < Luminance(colours[1]));
            Assert.Equal("[]", await page.EvaluateAsync<string>(LowContrast));
            await SaveAsync(page, $"{(scheme == ColorScheme.Dark ? "dark" : "light")}-{width.ToString(CultureInfo.InvariantCulture)}");
            await page.CloseAsync();
        }
    }

    [ChromiumFact]
    public async Task Everything_is_reached_by_key_and_has_a_name()
    {
        IPage page = await host.OpenAsync();
        await Expect(page.Locator(".answer")).ToHaveCountAsync(3);
        Assert.Equal("[]", await page.EvaluateAsync<string>("""
            JSON.stringify([...document.querySelectorAll('button, input, select, textarea')].filter(e => e.checkVisibility())
              .filter(e => !(e.getAttribute('aria-label') || e.textContent.trim() || e.closest('label') || e.title)).map(e => e.outerHTML))
            """));
        ILocator sort = page.GetByRole(AriaRole.Button, new PageGetByRoleOptions { Name = "Adapter", Exact = true });
        await sort.FocusAsync();
        await page.Keyboard.PressAsync("Enter");
        await Expect(page.Locator("th[data-sort=name]")).ToHaveAttributeAsync("aria-sort", "ascending");
        await Expect(page.Locator("tbody .id").First).ToHaveTextAsync("legal");
        await page.GetByLabel("Filter adapters").FillAsync("poe");
        await Expect(page.Locator("tbody tr")).ToHaveCountAsync(1);
    }

    [ChromiumFact]
    public async Task A_server_with_keys_asks_for_one_and_shows_a_tenant_its_own()
    {
        (LorikeetServer server, string key) = await host.KeyedAsync();
        try
        {
            IPage page = await host.OpenAsync(address: server.Address);
            await page.GetByLabel("Key", new PageGetByLabelOptions { Exact = true }).FillAsync("lk-wrong");
            await page.Keyboard.PressAsync("Enter");
            await Expect(page.Locator(".keys p")).ToContainTextAsync("does not take this key");
            await page.Locator(".keys input").FillAsync(key);
            await page.Keyboard.PressAsync("Enter");
            await Expect(page.Locator(".live")).ToHaveTextAsync("live");
            await Expect(page.Locator(".top .aside")).ToContainTextAsync("tenant acme");
            await Expect(page.Locator("#memory")).ToBeHiddenAsync();
        }
        finally
        {
            await server.StopAsync();
            await server.DisposeAsync();
        }
    }

    // Texts whose colour has a contrast below 4.5 with the nearest background that is painted.
    private const string LowContrast = """
        (() => {
          const parse = (c) => c.match(/[\d.]+/g).map(Number);
          const light = ([r, g, b]) => [r, g, b].map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4).reduce((s, v, i) => s + v * [0.2126, 0.7152, 0.0722][i], 0);
          const ground = (e) => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if ((c[3] ?? 1) === 1) return c; } return [255, 255, 255]; };
          const bad = [];
          for (const e of document.querySelectorAll('body *')) {
            if (!e.checkVisibility() || e.disabled || ![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
            const [a, b] = [light(parse(getComputedStyle(e).color)), light(ground(e))].sort((x, y) => y - x);
            const ratio = (a + 0.05) / (b + 0.05);
            if (ratio < 4.5) bad.push(`${e.className}: ${e.textContent.trim().slice(0, 20)} ${ratio.toFixed(2)}`);
          }
          return JSON.stringify(bad);
        })()
        """;

    // What the page logs as errors, refusals of the content policy among them.
    private static List<string> Faults(IPage page)
    {
        List<string> faults = [];
        page.Console += (_, message) =>
        {
            if (message.Type == "error")
            {
                faults.Add(message.Text);
            }
        };
        page.PageError += (_, error) => faults.Add(error);
        return faults;
    }

    private static double Luminance(string colour)
    {
        double[] parts = [.. colour.Split('(', ')')[1].Split(',').Select(p => double.Parse(p, CultureInfo.InvariantCulture))];
        return (0.2126 * parts[0]) + (0.7152 * parts[1]) + (0.0722 * parts[2]);
    }

    // Kept where somebody wants to look at them.
    private static async Task SaveAsync(IPage page, string name)
    {
        if (Environment.GetEnvironmentVariable("LORIKEET_SCREENSHOTS") is { Length: > 0 } folder)
        {
            await page.ScreenshotAsync(new PageScreenshotOptions { Path = Path.Combine(folder, name + ".png"), FullPage = true });
        }
    }
}
