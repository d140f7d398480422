using System.Text.Json.Nodes;
using Lorikeet.Adapters;
using Lorikeet.Models;
using Lorikeet.Models.Text;
using Lorikeet.Server;
using Lorikeet.Serving;
using Lorikeet.Tensors;
using Microsoft.Extensions.Logging;
using Microsoft.Playwright;

namespace Lorikeet.Dashboard.Tests;

/// <summary>A server of a small random model with two adapters, and a browser; one of each for all tests.</summary>
public sealed class DashboardHost : IAsyncLifetime
{
    /// <summary>Tokens of an answer that no test waits for.</summary>
    public const string LongTokens = "30000";

    private readonly string folder = Directory.CreateTempSubdirectory("lorikeet-dashboard-").FullName;
    private IPlaywright? playwright;
    private LorikeetServer? server;

    public IBrowser Browser { get; private set; } = null!;

    public Uri Address => server!.Address;

    public async Task InitializeAsync()
    {
        if (ChromiumFactAttribute.Browser is null)
        {
            return;
        }
        string model = Path.Combine(folder, "model");
        Make(model);
        Adapter(model, "legal", 1);
        Adapter(model, "poems", 2);
        server = await ServeAsync(("legal", "legal"), ("poems", "poems"));
        // The copy of the driver that is in the package; nothing of it stands beside the tests.
        Environment.SetEnvironmentVariable("PLAYWRIGHT_DRIVER_SEARCH_PATH", ChromiumFactAttribute.Driver);
        playwright = await Playwright.CreateAsync();
        Browser = await playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions { ExecutablePath = ChromiumFactAttribute.Browser, Timeout = 180_000, Args = ["--no-sandbox", "--disable-gpu"] });
    }

    /// <summary>A server with adapters: their names, and which of legal and poems each is.</summary>
    public Task<LorikeetServer> ServeAsync(params IEnumerable<(string Name, string Which)> adapters) => ServeAsync(0, adapters);

    /// <summary>The same on a port.</summary>
    public Task<LorikeetServer> ServeAsync(int port, IEnumerable<(string Name, string Which)> adapters) => StartAsync(new ServerOptions
    {
        Model = Path.Combine(folder, "model"),
        ServedNames = ["tiny"],
        Port = port,
        Adapters = [.. adapters.Select(a => KeyValuePair.Create(a.Name, Path.Combine(folder, a.Which)))],
    });

    /// <summary>Another server of the same model that wants keys, and a key of a tenant.</summary>
    public async Task<(LorikeetServer Server, string Key)> KeyedAsync()
    {
        string registry = Path.Combine(folder, "registry.db");
        (_, string secret) = await LorikeetServer.CreateKeyAsync(registry, "acme", ["infer"]);
        return (await StartAsync(new ServerOptions { Model = Path.Combine(folder, "model"), ServedNames = ["tiny"], Port = 0, Keys = true, Registry = registry }), secret);
    }

    /// <summary>A page with the dashboard loaded.</summary>
    public async Task<IPage> OpenAsync(int width = 1280, int height = 900, ColorScheme scheme = ColorScheme.Light, Uri? address = null)
    {
        IPage page = await Browser.NewPageAsync(new BrowserNewPageOptions { ViewportSize = new ViewportSize { Width = width, Height = height }, ColorScheme = scheme });
        page.SetDefaultTimeout(90_000);
        // A busy machine takes its time; what never comes still fails.
        Assertions.SetDefaultExpectTimeout(90_000);
        await page.GotoAsync((address ?? Address).ToString());
        return page;
    }

    public async Task DisposeAsync()
    {
        if (server is not null)
        {
            await Browser.DisposeAsync();
            playwright?.Dispose();
            await server.StopAsync();
            await server.DisposeAsync();
        }
        Directory.Delete(folder, recursive: true);
    }

    private static async Task<LorikeetServer> StartAsync(ServerOptions options)
    {
        LorikeetServer made = LorikeetServer.Create(
            options with { GenerationConfig = "none", DrainTime = TimeSpan.FromSeconds(5), Engine = new EngineOptions { CacheBytes = 96 << 20, MaxSequences = 16 } },
            logging => logging.SetMinimumLevel(LogLevel.None));
        await made.StartAsync();
        return made;
    }

    private static void Make(string place)
    {
        ModelConfig config = new()
        {
            // A step takes its time, and keys and values take little room: an answer of LongTokens goes on while a browser looks at it.
            HiddenSize = 256,
            IntermediateSize = 1024,
            Layers = 6,
            Heads = 4,
            KeyHeads = 1,
            HeadDim = 8,
            VocabularySize = 257,
            MaxPositions = 32_768,
            EndIds = [],
        };
        using LanguageModel model = ModelLoader.Build(config, new RandomSource(new CounterRandom(7), Kernels.ElementType.F32, 0.4f));
        Directory.CreateDirectory(place);
        ModelWriter.Save(model, place);
        new ByteTokenizer().Save(place);
        File.WriteAllText(Path.Combine(place, "chat_template.jinja"), "{%- for m in messages -%}<{{ m.role }}>{{ m.content }}\n{% endfor -%}{%- if add_generation_prompt -%}<assistant>{%- endif -%}");
    }

    private void Adapter(string place, string name, ulong seed)
    {
        using LanguageModel model = ModelLoader.Load(place);
        JsonObject config = new() { ["r"] = 2, ["lora_alpha"] = 4, ["target_modules"] = new JsonArray("q_proj", "v_proj") };
        using TrainedAdapter adapter = AdapterMethods.Find("lora").Create("tiny", model, config, new CounterRandom(seed));
        foreach ((string key, Parameter parameter) in adapter.NamedParameters)
        {
            foreach (ref float value in parameter.Value.Span)
            {
                value = 0.5f * MathF.Sin(seed++);
            }
        }
        AdapterFolder.Save(adapter, Path.Combine(folder, name));
    }
}
