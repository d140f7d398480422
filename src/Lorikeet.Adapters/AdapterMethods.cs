using System.Text.Json.Nodes;
using Lorikeet.Models.Files;

namespace Lorikeet.Adapters;

/// <summary>All methods; a new one is one line.</summary>
public static class AdapterMethods
{
    /// <summary>The methods in the order in which they are asked for a configuration.</summary>
    public static IReadOnlyList<AdapterMethod> All { get; } =
    [
        new DoraMethod(),
        new LoraMethod(),
        new FloraMethod(),
        new NolaMethod(),
    ];

    // The values of peft_type that PEFT 0.21 writes: known by name, so that a refusal can tell "not built" from "no such thing".
    private static readonly string[] PeftTypes =
    [
        "ADALORA", "ADAMSS", "ADAPTION_PROMPT", "BEFT", "BOFT", "BONE", "C3A", "CARTRIDGE", "CPT", "DEFT", "DELORA", "FOURIERFT", "FROD", "GLORA",
        "GRALORA", "HIRA", "HRA", "IA3", "LILY", "LN_TUNING", "LOHA", "LOKR", "LORA", "MISS", "MULTITASK_PROMPT_TUNING", "OFT", "OSF", "PEANUT",
        "POLY", "PREFIX_TUNING", "PROMPT_TUNING", "PSOFT", "PVERA", "P_TUNING", "RANDLORA", "ROAD", "SHADOW", "SHIRA", "SUPERTUNING", "TINYLORA",
        "TRAINABLE_TOKENS", "UNILORA", "VBLORA", "VERA", "WAVEFT", "XLORA",
    ];

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
