using System.Net;
using Microsoft.Extensions.Options;

namespace Lorikeet.Server;

/// <summary>Says all that is wrong with options at once.</summary>
internal sealed class ServerOptionsCheck : IValidateOptions<ServerOptions>
{
    public ValidateOptionsResult Validate(string? name, ServerOptions options)
    {
        List<string> faults = [.. Faults(options)];
        return faults.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(faults);
    }

    /// <summary>What is wrong, one line each.</summary>
    public static IEnumerable<string> Faults(ServerOptions options)
    {
        if (string.IsNullOrWhiteSpace(options.Model))
        {
            yield return "Model is empty; expected a model folder, a GGUF file, or org/name in the local Hugging Face cache";
        }
        if (options.Host != "localhost" && !IPAddress.TryParse(options.Host, out _))
        {
            yield return $"the host is '{options.Host}'; expected an IP address, for example 127.0.0.1 or 0.0.0.0";
        }
        if (options.Port is < 0 or > 65_535)
        {
            yield return $"Port is {options.Port}; expected 0 (any free one) to 65535";
        }
        if (options.NamedToolFinish is not ("stop" or "tool_calls"))
        {
            yield return $"NamedToolFinish is '{options.NamedToolFinish}'; expected stop or tool_calls";
        }
        if (options.Pooling is not (null or "last" or "mean" or "first"))
        {
            yield return $"Pooling is '{options.Pooling}'; expected last, mean or first";
        }
        if (options.DrainTime < TimeSpan.Zero)
        {
            yield return $"DrainTime is {options.DrainTime}; expected zero or more";
        }
        if (options.RegistryPoll <= TimeSpan.Zero)
        {
            yield return $"RegistryPoll is {options.RegistryPoll}; expected more than zero";
        }
        foreach (string limit in options.Limits.Faults())
        {
            yield return limit;
        }
        foreach ((string adapter, string folder) in options.Adapters)
        {
            if (AdapterNames.Fault(adapter, options.AnyLetters) is { } fault)
            {
                yield return $"the adapter '{adapter}': {fault}";
            }
            if (!Directory.Exists(Models.Files.BundledFolder.Resolve(folder)))
            {
                yield return $"the adapter '{adapter}': there is no folder {folder}";
            }
        }
        foreach (string twice in options.Adapters.GroupBy(a => a.Key, StringComparer.Ordinal).Where(g => g.Count() > 1).Select(g => g.Key))
        {
            yield return $"the adapter '{twice}' is there twice; expected one folder a name";
        }
    }
}
