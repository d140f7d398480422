namespace Lorikeet.Models;

/// <summary>How a block's two branches, m (the mixer) and f (the feed-forward), and their norms n1 and n2 stand to the residual stream h.</summary>
public enum BlockForm
{
    /// <summary>h += m(n1 h); h += f(n2 h): most models. A norm that is absent does nothing.</summary>
    Sequential,

    /// <summary>h += m(n1 h) + f(n2 h), both of the old h: GPT-NeoX. Without n2 both branches read n1 h: GPT-J, Phi, Falcon 7B.</summary>
    Parallel,

    /// <summary>h = n1(h + m(h)); h = n2(h + f(h)): the first transformers, OPT-350M.</summary>
    NormAfterSum,

    /// <summary>x = n1 h; h = x + m(x); x = n2 h; h = x + f(x): BLOOM with apply_residual_connection_post_layernorm.</summary>
    NormedResidual,
}
