using System.Text.Json.Nodes;
using Lorikeet.Server;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Lorikeet.Dashboard.Tests;

/// <summary>The dashboard where something is not as usual: no server, no adapters, too many, too long, hostile texts.</summary>
public sealed class FaultTests(DashboardHost host) : IClassFixture<DashboardHost>
{
    private const string Markup = "<img src=x onerror=\"window.hit=1\"><script>window.hit=1</script>&amp;";

    [ChromiumFact]
    public async Task A_server_that_goes_and_comes_back_is_followed()
    {
        LorikeetServer server = await host.ServeAsync(("legal", "legal"));
        Uri address = server.Address;
        try
        {
            IPage page = await host.OpenAsync(address: address);
            await AskAsync(page);
            await Expect(page.Locator(".answer.done")).ToHaveCountAsync(2);
            await Expect(page.Locator("#figure-tokens .note")).Not.ToHaveTextAsync("0 since the start");
            await server.StopAsync();
            await server.DisposeAsync();
            await Expect(page.Locator(".live.bad")).ToHaveTextAsync("no answer; trying again");
            await Expect(page.Locator("main.old")).ToBeVisibleAsync();
            await AskAsync(page);
            await Expect(page.Locator(".answer.failed .status")).ToHaveTextAsync(["the connection broke", "the connection broke"]);
            server = await host.ServeAsync(address.Port, [("legal", "legal")]);
            await Expect(page.Locator(".live:not(.bad)")).ToHaveTextAsync("live");
            await Expect(page.Locator("main.old")).ToHaveCountAsync(0);
            await Expect(page.Locator("#figure-tokens .note")).ToHaveTextAsync("0 since the start");
            await AskAsync(page);
            await Expect(page.Locator(".answer.done")).ToHaveCountAsync(2);
        }
        finally
        {
            await server.StopAsync();
            await server.DisposeAsync();
        }
    }

    [ChromiumFact]
    public async Task A_stream_that_is_cut_is_no_answer()
    {
        IPage page = await host.OpenAsync();
        await page.RouteAsync("**/v1/chat/completions", route => route.FulfillAsync(new RouteFulfillOptions { ContentType = "text/event-stream", Body = Event("half an ans") }));
        await AskAsync(page);
        await Expect(page.Locator(".answer.failed")).ToHaveCountAsync(3);
        await Expect(page.Locator(".answer .text").First).ToHaveTextAsync("half an ans");
        await Expect(page.Locator(".answer .status").First).ToHaveTextAsync("the connection broke");
    }

    [ChromiumFact]
    public async Task A_server_without_adapters_says_how_to_get_some()
    {
        LorikeetServer server = await host.ServeAsync();
        try
        {
            IPage page = await host.OpenAsync(360, 780, address: server.Address);
            await Expect(page.Locator("#adapters .note")).ToContainTextAsync("No adapters so far");
            await Expect(page.Locator("tbody tr")).ToHaveCountAsync(1);
            await Expect(page.Locator(".answer")).ToHaveCountAsync(1);
            Assert.Equal(360, await WidthAsync(page));
        }
        finally
        {
            await server.StopAsync();
            await server.DisposeAsync();
        }
    }

    [ChromiumFact]
    public async Task A_thousand_adapters_are_turned_page_by_page()
    {
        LorikeetServer server = await host.ServeAsync(Enumerable.Range(0, 1000).Select(i => ($"customer-{i:0000}", i % 2 == 0 ? "legal" : "poems")));
        try
        {
            IPage page = await host.OpenAsync(address: server.Address);
            ILocator rows = page.Locator("tbody tr"), note = page.Locator("#adapters .note");
            await Expect(rows).ToHaveCountAsync(20);
            await Expect(note).ToHaveTextAsync("1 to 20 of 1,001, the busiest of the last minute first");
            await page.GetByRole(AriaRole.Button, new PageGetByRoleOptions { Name = "Next page" }).ClickAsync();
            await Expect(rows.First.Locator(".id")).ToHaveTextAsync("customer-0019");
            await page.GetByRole(AriaRole.Button, new PageGetByRoleOptions { Name = "Page before" }).ClickAsync();
            await page.GetByLabel("Add an adapter by name").FillAsync("0777");
            await Expect(page.Locator("#names option")).ToHaveCountAsync(1);
            await page.GetByLabel("Add an adapter by name").FillAsync("customer-0777");
            await page.GetByLabel("Add an adapter by name").PressAsync("Enter");
            await AskAsync(page);
            await Expect(page.Locator(".answer.done")).ToHaveCountAsync(4);
            // What has traffic comes to the first page by itself.
            await Expect(rows.Filter(new LocatorFilterOptions { HasText = "customer-0777" }).Locator("td[data-label=Requests]")).ToHaveTextAsync("1");
            await page.GetByLabel("Filter adapters").FillAsync("customer-09");
            await Expect(note).ToHaveTextAsync("1 to 20 of 100, the busiest of the last minute first");
            await page.GetByLabel("Filter adapters").FillAsync("customer-0999");
            await Expect(rows).ToHaveCountAsync(1);
            await Expect(page.Locator(".pages")).ToBeHiddenAsync();
            await page.GetByLabel("Filter adapters").FillAsync("");
            await page.Locator("th[data-sort=name] button").ClickAsync();
            await Expect(rows.First.Locator(".id")).ToHaveTextAsync("customer-0000");
            await page.Locator("th[data-sort=name] button").ClickAsync();
            await Expect(rows.First.Locator(".id")).ToHaveTextAsync("tiny");
            await page.SetViewportSizeAsync(360, 780);
            await Expect(rows).ToHaveCountAsync(8);
            Assert.Equal(360, await WidthAsync(page));
        }
        finally
        {
            await server.StopAsync();
            await server.DisposeAsync();
        }
    }

    [ChromiumFact]
    public async Task The_longest_name_and_large_figures_widen_nothing()
    {
        string name = new('w', 128);
        LorikeetServer server = await host.ServeAsync((name, "legal"));
        try
        {
            foreach (int width in (int[])[360, 700, 1280])
            {
                IPage page = await host.Browser.NewPageAsync(new BrowserNewPageOptions { ViewportSize = new ViewportSize { Width = width, Height = 780 } });
                await ChangeAsync(page, state =>
                {
                    foreach (string name in (string[])["generated", "prompt", "requests", "running", "waiting"])
                    {
                        state[name] = Math.Floor((double)state["time"]! * 987_654);
                    }
                    JsonNode row = state["adapters"]![1]!;
                    foreach (string name in (string[])["requests", "running", "waiting", "generated", "rate"])
                    {
                        row[name] = 987_654;
                    }
                    row["first"] = new JsonObject { ["p50"] = 98.7, ["p95"] = 9876 };
                    row["token"] = new JsonObject { ["p50"] = 0.9876, ["p95"] = 98.7 };
                });
                await page.GotoAsync(server.Address.ToString());
                await AskAsync(page);
                await Expect(page.Locator(".answer.done")).ToHaveCountAsync(2);
                await page.WaitForFunctionAsync("() => /highest [1-9]/.test(document.querySelector('#figure-tokens .spark title').textContent)");
                Assert.Equal("[]", await page.EvaluateAsync<string>("""
                    JSON.stringify([...document.querySelectorAll('.card *')].filter(e => e.checkVisibility() && e.getBoundingClientRect().right > e.closest('.card').getBoundingClientRect().right).map(e => e.outerHTML))
                    """));
                Assert.Equal(width, await WidthAsync(page));
                await page.CloseAsync();
            }
        }
        finally
        {
            await server.StopAsync();
            await server.DisposeAsync();
        }
    }

    [ChromiumFact]
    public async Task Markup_in_names_answers_and_errors_is_text()
    {
        IPage page = await host.Browser.NewPageAsync();
        await ChangeAsync(page, state =>
        {
            state["base"] = Markup;
            state["version"] = Markup;
            foreach (JsonNode? row in state["adapters"]!.AsArray())
            {
                row!["id"] = row["id"] + Markup;
                row["method"] = Markup;
            }
        });
        await page.RouteAsync("**/v1/chat/completions", route => route.Request.PostData!.Contains("legal", StringComparison.Ordinal)
            ? route.FulfillAsync(new RouteFulfillOptions { Status = 400, ContentType = "application/json", Body = new JsonObject { ["error"] = new JsonObject { ["message"] = Markup } }.ToJsonString() })
            : route.FulfillAsync(new RouteFulfillOptions { ContentType = "text/event-stream", Body = Event(Markup) + "data: [DONE]\n\n" }));
        await page.GotoAsync(host.Address.ToString());
        await AskAsync(page);
        await Expect(page.Locator(".answer.done .text").First).ToHaveTextAsync(Markup);
        await Expect(page.Locator(".answer.failed .status")).ToHaveTextAsync(Markup);
        await Expect(page.Locator("tbody .id").First).ToContainTextAsync(Markup);
        Assert.Equal(0, await page.Locator("main img, main script").CountAsync());
        Assert.True(await page.EvaluateAsync<bool>("window.hit === undefined"));
    }

    // The page sees another state than the server's.
    private static Task ChangeAsync(IPage page, Action<JsonNode> change) => page.RouteAsync("**/lorikeet/v1/state*", async route =>
    {
        IAPIResponse answer = await route.FetchAsync();
        JsonNode state = JsonNode.Parse(await answer.TextAsync())!;
        change(state);
        await route.FulfillAsync(new RouteFulfillOptions { ContentType = "application/json", Body = state.ToJsonString() });
    });

    private static async Task AskAsync(IPage page)
    {
        await Expect(page.Locator(".answer").First).ToBeVisibleAsync();
        await page.GetByLabel("Tokens", new PageGetByLabelOptions { Exact = true }).FillAsync("8");
        await page.GetByLabel("Prompt", new PageGetByLabelOptions { Exact = true }).FillAsync("abc");
        await page.Keyboard.PressAsync("Control+Enter");
    }

    private static string Event(string text) =>
        $"data: {new JsonObject { ["choices"] = new JsonArray(new JsonObject { ["delta"] = new JsonObject { ["content"] = text } }) }.ToJsonString()}\n\n";

    private static Task<int> WidthAsync(IPage page) => page.EvaluateAsync<int>("document.documentElement.scrollWidth");
}
