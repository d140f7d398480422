using System.Text.Json.Nodes;
using Lorikeet.Models.Files;

namespace Lorikeet.Adapters;

/// <summary>All methods; a new one is one line. A program adds its own by <see cref="Add"/>.</summary>
public static class AdapterMethods
{
    private static readonly Lock Gate = new();
    private static volatile AdapterMethod[] all =
    [
        new DoraMethod(),
        new LoraMethod(),
        new FloraMethod(),
        new NolaMethod(),
    ];

    /// <summary>The methods in the order in which they are asked for a configuration; those that a program added come last.</summary>
    public static IReadOnlyList<AdapterMethod> All => all;

    // The values of peft_type that PEFT 0.21 writes: known by name, so that a refusal can tell "not built" from "no such thing".
    private static readonly string[] PeftTypes =
    [
        "ADALORA", "ADAMSS", "ADAPTION_PROMPT", "BEFT", "BOFT", "BONE", "C3A", "CARTRIDGE", "CPT", "DEFT", "DELORA", "FOURIERFT", "FROD", "GLORA",
        "GRALORA", "HIRA", "HRA", "IA3", "LILY", "LN_TUNING", "LOHA", "LOKR", "LORA", "MISS", "MULTITASK_PROMPT_TUNING", "OFT", "OSF", "PEANUT",
        "POLY", "PREFIX_TUNING", "PROMPT_TUNING", "PSOFT", "PVERA", "P_TUNING", "RANDLORA", "ROAD", "SHADOW", "SHIRA", "SUPERTUNING", "TINYLORA",
        "TRAINABLE_TOKENS", "UNILORA", "VBLORA", "VERA", "WAVEFT", "XLORA",
    ];

    /// <summary>Adds a method for the life of the process: from here on it is trained, saved, loaded and served under its name as any other is.</summary>
    /// <param name="method">The method. Its <see cref="AdapterMethod.PeftType"/> must be its own: configurations are offered to the built-in methods first.</param>
    /// <exception cref="ArgumentException">Another method has its name or its peft_type.</exception>
    public static void Add(AdapterMethod method)
    {
        ArgumentNullException.ThrowIfNull(method);
        lock (Gate)
        {
            AdapterMethod? other = Array.Find(all, m => string.Equals(m.Name, method.Name, StringComparison.OrdinalIgnoreCase) || m.PeftType == method.PeftType);
            if (other is not null || method.Name.Length == 0 || string.Equals(method.Name, "full", StringComparison.OrdinalIgnoreCase))
            {
                throw new ArgumentException(
                    other is null
                        ? $"a method cannot be named '{method.Name}'; expected a word other than full, which is the training of all weights"
                        : $"method {method.Name} ({method.PeftType}): there is {other.Name} ({other.PeftType}) already; expected a name and a peft_type of its own",
                    nameof(method));
            }
            all = [.. all, method];
        }
    }

    /// <summary>The method of a name.</summary>
    /// <param name="name">For example <c>lora</c>; case does not matter.</param>
    /// <exception cref="NotSupportedException">There is no such method; the message lists those there are.</exception>
    public static AdapterMethod Find(string name)
    {
        foreach (AdapterMethod method in All)
        {
            if (string.Equals(method.Name, name, StringComparison.OrdinalIgnoreCase))
            {
                return method;
            }
        }
        throw new NotSupportedException($"there is no method '{name}'; the methods are {string.Join(", ", All.Select(m => m.Name))}");
    }

    /// <summary>The method that reads a configuration.</summary>
    /// <param name="config">What adapter_config.json holds.</param>
    /// <param name="source">The file's name in messages.</param>
    /// <exception cref="BadFileException">There is no peft_type, or it is unknown.</exception>
    /// <exception cref="NotSupportedException">The peft_type is known, but not built.</exception>
    public static AdapterMethod Of(JsonObject config, string source)
    {
        string type = new AdapterConfig(config, source).Text("peft_type")
            ?? throw new BadFileException($"{source} has no peft_type; expected the adapter's method, for example \"LORA\".");
        foreach (AdapterMethod method in All)
        {
            if (method.Reads(config))
            {
                return method;
            }
        }
        string built = string.Join(", ", All.Select(m => m.PeftType).Distinct());
        throw PeftTypes.Contains(type)
            ? new NotSupportedException($"{source}: peft_type {type} is not built yet: this version reads {built}")
            : new BadFileException($"{source}: peft_type '{type}' is not known; expected one of {built}.");
    }
}
