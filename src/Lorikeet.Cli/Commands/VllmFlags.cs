using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Lorikeet.Models.Files;
using Lorikeet.Server;
using Lorikeet.Serving;

namespace Lorikeet.Cli.Commands;

/// <summary>vLLM's start-up flags and environment variables, as far as they are not options of <c>serve</c> anyway: what each means here, or why it is refused.</summary>
/// <remarks>Nothing is skipped whose absence would surprise: what cannot be done is a usage error, what is done without being asked for says so in its help.</remarks>
internal static class VllmFlags
{
    /// <summary>Its plugin for adapters in a folder, the one that has a counterpart here.</summary>
    private const string FolderPlugin = "lora_filesystem_resolver";

    private const string Runtime = "VLLM_ALLOW_RUNTIME_LORA_UPDATING", Plugins = "VLLM_PLUGINS", Folder = "VLLM_LORA_RESOLVER_CACHE_DIR", Key = "VLLM_API_KEY";
    private static readonly Option<string?> MaxLength = new("--max-model-len") { Description = "vLLM's: the longest sequence, prompt and answer, for example 4096, 4k (4000) or 4K (4096); auto: the model's, which is the most there is. Default: auto" };
    private static readonly Option<bool> EnableLora = new("--enable-lora") { Description = "vLLM's: adapters; they are always served, so this changes nothing" };
    private static readonly Option<int?> MaxLoras = new("--max-loras") { Description = "vLLM's: adapters in one step, 1 or more; any number run in one step here, so this changes nothing" };
    private static readonly Option<int?> MaxCpuLoras = new("--max-cpu-loras") { Description = "vLLM's: adapters in memory, --max-loras or more; as many stay as --cache-mib has room for, so this changes nothing" };
    private static readonly Option<int?> MaxRank = new("--max-lora-rank") { Description = "vLLM's: the highest rank of an adapter, 1 to 1024; adapters above it are refused. Default 256" };
    private static readonly Option<string[]> Modules = new("--lora-modules")
    {
        Description = "vLLM's spelling of --adapter: NAME=FOLDER, or a JSON object of name, path and base_model_name; several may follow",
        AllowMultipleArgumentsPerToken = true,
    };

    /// <summary>All of them, for the command's list.</summary>
    public static IReadOnlyList<Option> All { get; } = [MaxLength, EnableLora, MaxLoras, MaxCpuLoras, MaxRank, Modules];

    /// <summary>Changes the options of a server as flags and environment say; what the command's own options have set wins over the environment.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="environment">An environment variable's value, or null.</param>
    /// <param name="options">What the command's own options say.</param>
    /// <exception cref="UsageException">A value that cannot be, or that would be ignored to the operator's harm.</exception>
    public static ServerOptions Apply(ParseResult parsed, Func<string, string?> environment, ServerOptions options)
    {
        if (parsed.GetResult(EnableLora) is { Implicit: false } && !parsed.GetValue(EnableLora))
        {
            throw new UsageException("--enable-lora is false; adapters cannot be switched off: leave them out, and demand keys");
        }
        int loras = AtLeast("--max-loras", parsed.GetValue(MaxLoras), 1);
        AtLeast("--max-cpu-loras", parsed.GetValue(MaxCpuLoras), loras);
        ServerLimits limits = options.Limits;
        if (parsed.GetValue(MaxRank) is { } rank)
        {
            limits = rank is >= 1 and <= 1024 ? limits with { AdapterRank = rank } : throw new UsageException($"--max-lora-rank is {rank}; expected 1 to 1024");
        }
        EngineOptions engine = parsed.GetValue(MaxLength) is { } length ? options.Engine with { MaxLength = Length(length) } : options.Engine;
        (bool runtime, string? folder) = Resolving(environment);
        return options with
        {
            Limits = limits,
            Engine = engine,
            Adapters = [.. options.Adapters, .. (parsed.GetValue(Modules) ?? []).Where(m => m.Length > 0).Select(m => Module(m, options))],
            ApiKeys = options.ApiKeys.Count == 0 && environment(Key) is { Length: > 0 } key ? [key] : options.ApiKeys,
            RuntimeLoading = options.RuntimeLoading || runtime,
            AdapterFolder = options.AdapterFolder ?? folder,
        };
    }

    private static int AtLeast(string name, int? value, int least) =>
        value is null || value >= least ? value ?? 1 : throw new UsageException($"{name} is {value}; expected {least} or more");

    // vLLM's shorthand: small letters are powers of 1000, capitals of 1024.
    private static int Length(string text)
    {
        if (text is "auto" or "-1")
        {
            return 0;
        }
        long unit = text[^Math.Min(1, text.Length)..] switch { "k" => 1000, "K" => 1024, "m" => 1_000_000, "M" => 1 << 20, _ => 1 };
        string digits = unit == 1 ? text : text[..^1];
        return long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out long number) && number >= 1 && number <= int.MaxValue / unit
            ? (int)(number * unit)
            : throw new UsageException($"--max-model-len is '{text}'; expected a number of tokens, for example 4096 or 4k, or auto");
    }

    private static KeyValuePair<string, string> Module(string text, ServerOptions options)
    {
        const string Expected = "expected NAME=FOLDER, or a JSON object of name, path and base_model_name";
        if (!text.AsSpan().TrimStart().StartsWith('{'))
        {
            int equals = text.IndexOf('=', StringComparison.Ordinal);
            return equals > 0 && equals < text.Length - 1 ? new(text[..equals], text[(equals + 1)..]) : throw new UsageException($"--lora-modules has '{text}'; {Expected}");
        }
        Dictionary<string, string?> members = new(StringComparer.Ordinal);
        try
        {
            using JsonDocument json = SafeJson.Parse(System.Text.Encoding.UTF8.GetBytes(text), "--lora-modules");
            foreach (JsonProperty member in json.RootElement.EnumerateObject())
            {
                bool known = member.Name is "name" or "path" or "base_model_name" && member.Value.ValueKind is JsonValueKind.String or JsonValueKind.Null;
                members[member.Name] = known ? member.Value.GetString() : throw new UsageException($"--lora-modules has {member.Name} = {member.Value.GetRawText()}; {Expected}, all of them strings");
            }
        }
        catch (BadFileException e)
        {
            throw new UsageException($"{e.Message}; {Expected}");
        }
        if (members.GetValueOrDefault("name") is not { Length: > 0 } name || members.GetValueOrDefault("path") is not { Length: > 0 } path)
        {
            throw new UsageException($"--lora-modules has '{text}' without a name or a path; {Expected}");
        }
        string? of = members.GetValueOrDefault("base_model_name");
        return string.IsNullOrEmpty(of) || of == options.Model || options.ServedNames.Contains(of)
            ? new(name, path)
            : throw new UsageException($"--lora-modules says that {name} is of the base {of}; this base is {string.Join(" or ", options.ServedNames)}: leave base_model_name out, or give --served-model-name {of}");
    }

    private static (bool Runtime, string? Folder) Resolving(Func<string, string?> environment)
    {
        string? allowed = environment(Runtime)?.Trim().ToLowerInvariant(), folder = environment(Folder), plugins = environment(Plugins);
        if (allowed is not (null or "" or "0" or "1" or "false" or "true"))
        {
            throw new UsageException($"{Runtime} is '{allowed}'; expected 1 or true, 0 or false");
        }
        string[] named = (plugins ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        if (Array.Find(named, n => n != FolderPlugin) is { } other)
        {
            throw new UsageException($"{Plugins} names {other}, which is not there; expected {FolderPlugin}, or nothing");
        }
        if (string.IsNullOrEmpty(folder))
        {
            return named.Length == 0 ? (allowed is "1" or "true", null) : throw new UsageException($"{Plugins} names {FolderPlugin}, and {Folder} names no folder; set it to the folder of the adapters");
        }
        if (plugins is not null && named.Length == 0)
        {
            throw new UsageException($"{Folder} is set, and {Plugins} switches off {FolderPlugin}, which reads it; set both or neither");
        }
        // As there: who forbids loading at run time has no adapters found by name either.
        return (allowed is "1" or "true", allowed is "0" or "false" ? null : folder);
    }
}
