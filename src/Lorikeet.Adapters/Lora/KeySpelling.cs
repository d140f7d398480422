using Lorikeet.Models;
using Lorikeet.Models.Files;

namespace Lorikeet.Adapters;

/// <summary>Turns the spellings of older releases and other tools into PEFT's own, where each names exactly one module.</summary>
/// <remarks>
/// Known: an adapter's name inside the key, a missing <c>.weight</c> or prefix, <c>module.</c> of data-parallel wrappers, <c>_orig_mod.</c> of
/// compiled models, shortened paths, the file's name of a module that Transformers calls otherwise, <c>modules_to_save.NAME.</c>, and <c>P.bias</c> for a bias that is <c>P.base_layer.bias</c> since 0.6.
/// </remarks>
internal static class KeySpelling
{
    private static readonly string[] Markers = [".lora_", ".base_layer.", ".token_adapter.", ".modules_to_save."];

    public static void Apply(AdapterFile file, LanguageModel model)
    {
        HashSet<string> paths = [.. model.Sites.Select(s => s.Name)];
        foreach (ExpertStack stack in model.ExpertStacks)
        {
            paths.Add(stack.Path);
            paths.Add(stack.Path + ".base_layer");
        }
        Dictionary<string, string> stored = model.Sites.Where(s => s.StoredName != s.Name && s is not OutputSite).ToDictionary(s => s.StoredName, s => s.Name);
        HashSet<string> names = [];
        foreach (string key in file.Keys.Order(StringComparer.Ordinal).ToArray())
        {
            string own = Spell(key, paths, stored, names);
            if (own != key)
            {
                file.Rename(key, own);
            }
        }
        if (names.Count > 1)
        {
            throw file.Bad($"the keys hold the adapter names {string.Join(", ", names.Order(StringComparer.Ordinal).Take(4))}; expected tensors of one adapter.");
        }
        foreach (string key in file.Keys.Where(k => k.Contains(".lora_", StringComparison.Ordinal)))
        {
            string module = key[..key.IndexOf(".lora_", StringComparison.Ordinal)];
            module = module.StartsWith(AdapterFile.Prefix, StringComparison.Ordinal) ? module[AdapterFile.Prefix.Length..] : module;
            if (!paths.Contains(module))
            {
                throw file.Bad($"{module} is not in the base, which has {model.Blocks.Count} layers; expected tensors of the base's modules, the first that is none is {key}.");
            }
        }
        foreach (string key in file.Keys.Where(k => k.EndsWith(".bias", StringComparison.Ordinal)).ToArray())
        {
            string module = key[..^".bias".Length];
            if (file.Has(module + LoraKeys.A) && !module.EndsWith(".lora_B", StringComparison.Ordinal) && !file.Has(module + LoraKeys.BaseBias))
            {
                file.Rename(key, module + LoraKeys.BaseBias);
            }
        }
    }

    private static string Spell(string key, HashSet<string> paths, Dictionary<string, string> stored, HashSet<string> names)
    {
        string rest = key.Replace("_orig_mod.", "", StringComparison.Ordinal);
        rest = rest.StartsWith("module.", StringComparison.Ordinal) ? rest["module.".Length..] : rest;
        rest = rest.StartsWith(AdapterFile.Prefix, StringComparison.Ordinal) ? rest[AdapterFile.Prefix.Length..] : rest;
        int at = Markers.Select(m => rest.IndexOf(m, StringComparison.Ordinal)).Where(i => i > 0).DefaultIfEmpty(rest.LastIndexOf('.')).Min();
        if (at <= 0)
        {
            return key;
        }
        string path = rest[..at];
        path = stored.GetValueOrDefault(path, path);
        if (!paths.Contains(path))
        {
            string[] whole = [.. paths.Where(p => p.EndsWith("." + path, StringComparison.Ordinal)).Take(2)];
            if (whole.Length != 1)
            {
                return key;
            }
            path = whole[0];
        }
        return AdapterFile.Prefix + path + Tensor(rest[at..], names);
    }

    private static string Tensor(string tensor, HashSet<string> names)
    {
        string[] parts = tensor[1..].Split('.');
        switch (parts[0])
        {
            case "lora_A" or "lora_B":
                string kind = parts[^1] is "weight" or "bias" && parts.Length > 1 ? parts[^1] : "weight";
                return Named(parts.AsSpan(1, parts.Length - 1 - (parts.Length > 1 && parts[^1] == kind ? 1 : 0))) ? $".{parts[0]}.{kind}" : tensor;
            case "lora_embedding_A" or "lora_embedding_B" or "lora_magnitude_vector" or "lora_velora_embed":
                int tail = parts[^1] == "weight" ? 1 : 0;
                return Named(parts.AsSpan(1, parts.Length - 1 - tail)) ? "." + parts[0] : tensor;
            case "modules_to_save" when parts[^1] is "weight" or "bias":
                return Named(parts.AsSpan(1, parts.Length - 2)) ? "." + parts[^1] : tensor;
            case "token_adapter" when parts.Length >= 2 && parts[1] == "trainable_tokens_delta":
                return Named(parts.AsSpan(2)) ? LoraKeys.TokenRows : tensor;
            default:
                return tensor;
        }

        bool Named(ReadOnlySpan<string> between)
        {
            if (between.Length == 1)
            {
                names.Add(between[0]);
            }
            return between.Length <= 1;
        }
    }
}
