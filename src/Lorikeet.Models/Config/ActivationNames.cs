using Lorikeet.Kernels;
using Lorikeet.Tensors;

namespace Lorikeet.Models;

/// <summary>The names that config.json has for activation functions.</summary>
internal static class ActivationNames
{
    private static readonly (string Name, ActivationKind Kind)[] Known =
    [
        ("silu", ActivationKind.Silu),
        ("swish", ActivationKind.Silu),
        ("gelu", ActivationKind.Gelu),
        ("gelu_python", ActivationKind.Gelu),
        ("gelu_new", ActivationKind.GeluTanh),
        ("gelu_fast", ActivationKind.GeluTanh),
        ("gelu_accurate", ActivationKind.GeluTanh),
        ("gelu_pytorch_tanh", ActivationKind.GeluTanh),
        ("gelu_python_tanh", ActivationKind.GeluTanh),
        ("quick_gelu", ActivationKind.QuickGelu),
        ("relu", ActivationKind.Relu),
        ("sigmoid", ActivationKind.Sigmoid),
        ("tanh", ActivationKind.Tanh),
    ];

    /// <summary>The function of a name.</summary>
    /// <param name="json">The configuration, for the message.</param>
    /// <param name="key">The key that holds the name.</param>
    /// <param name="absent">The name where there is none.</param>
    /// <exception cref="NotSupportedException">The function is not built.</exception>
    public static ActivationKind Read(JsonFields json, string key, string absent)
    {
        string name = json.Text(key, absent);
        return Find(name) ?? throw new NotSupportedException(
            $"{json.Path}: {key} {Files.BadFileException.Short(name)} is not built yet: this version has {string.Join(", ", Known.Select(k => k.Name))}");
    }

    /// <summary>The function of a name, or null.</summary>
    /// <param name="name">The name.</param>
    public static ActivationKind? Find(string name)
    {
        foreach ((string known, ActivationKind kind) in Known)
        {
            if (known == name)
            {
                return kind;
            }
        }
        return null;
    }

    /// <summary>The usual name of a function.</summary>
    /// <param name="kind">The function.</param>
    public static string Of(ActivationKind kind) => kind == ActivationKind.GeluTanh ? "gelu_pytorch_tanh" : Known.First(k => k.Kind == kind).Name;
}
